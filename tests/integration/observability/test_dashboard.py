"""The dashboard for Grafana asks for metrics and labels that there are."""

from __future__ import annotations

import json
import re
from importlib import resources

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families as parse

from poolhouse.integrations.prometheus import PrometheusMetrics
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager

DASHBOARD = json.loads(resources.files("poolhouse.integrations.prometheus").joinpath("dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]] + [
    variable["query"]["query"] for variable in VARIABLES.values() if variable["type"] == "query"
]
# What Prometheus itself adds to what it reads.
OF_PROMETHEUS = {"instance", "job"}

METRIC = re.compile(r"\bpoolhouse_\w+")
LABELS = (re.compile(r"by \(([\w, ]+)\)"), re.compile(r"\b(\w+)=~"), re.compile(r"label_values\([^()]*, (\w+)\)"))


@pytest.fixture
async def exposed(settings):
    """Labels by the names of all samples that an application shows."""
    pool = SharedPool(settings)
    metrics = PrometheusMetrics(pool, registry=CollectorRegistry())
    await pool.open()
    await SchemaManager(pool, schema="users").fetchval("SELECT 1")
    body, _ = metrics.page()
    await pool.close()
    return {sample.name: set(sample.labels) for family in parse(body.decode()) for sample in family.samples}


def test_every_metric_that_it_asks_for_is_one_that_there_is(exposed):
    asked = {name for query in QUERIES for name in METRIC.findall(query)}

    assert asked <= exposed.keys()


def test_every_metric_that_there_is_has_a_place_on_it(exposed):
    asked = {name for query in QUERIES for name in METRIC.findall(query)}
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked}

    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in exposed} == families


def test_every_label_that_it_asks_for_is_one_that_its_metrics_have(exposed):
    for query in QUERIES:
        have = set.intersection(*(exposed[name] for name in METRIC.findall(query)))
        asked = {label for pattern in LABELS for found in pattern.findall(query) for label in found.split(", ")}
        assert asked, query
        assert asked <= have | OF_PROMETHEUS, query


def test_every_variable_that_it_uses_is_declared():
    used = {name for query in QUERIES for name in re.findall(r"\$(\w+)", query)}

    assert used == VARIABLES.keys() - {"datasource"} | {"__rate_interval"}
    assert {panel["datasource"]["uid"] for panel in PANELS} == {"${datasource}"}


def test_every_panel_says_what_it_is_and_has_its_own_place():
    assert all(panel["title"] and panel["description"] for panel in PANELS)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken = {
        (column, row)
        for panel in PANELS
        for place in [panel["gridPos"]]
        for column in range(place["x"], place["x"] + place["w"])
        for row in range(place["y"], place["y"] + place["h"])
    }
    assert len(taken) == sum(panel["gridPos"]["w"] * panel["gridPos"]["h"] for panel in PANELS)
    assert max(column for column, _ in taken) < 24
