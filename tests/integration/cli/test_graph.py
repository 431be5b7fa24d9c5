"""`graph`: a picture of an application that nothing is started for."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from poolhouse.cli.root import root
from tests.integration.cli.conftest import Outcome

MISUSED = 2
REPOSITORY = Path(__file__).parents[3]

WIRED = """
from typing import Protocol

from dependency_injector import providers

from poolhouse.container import Container
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from {module} import Settings


class Clock:
    pass


class Accounts(Protocol):
    pass


class Service:
    def __init__(self, *needs, **named):
        pass


def open_cache(pool):
    raise RuntimeError("a resource was opened")


class UsersContainer(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    db = providers.Factory(SchemaManager, pool, schema="users")
    migrations = providers.Factory(MigrationSet, db, "migrations/users")
    service = providers.Factory(Service, db)


class OrdersContainer(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    accounts = providers.Dependency()
    clock = providers.Dependency(instance_of=Clock)
    db = providers.Factory(SchemaManager, pool, schema="orders", reads=["users.users", "legacy.rates"])
    cache = providers.Resource(open_cache, pool)
    service = providers.Factory(Service, providers.List(db, accounts), named=providers.Object(1))


class ApplicationContainer(Container):
    settings = providers.Singleton(Settings)
    pool = providers.Resource(SharedPool, settings.provided.database)
    clock = providers.Singleton(Clock)
    mailer = providers.Factory(Service, providers.List(clock))
    tenants = providers.Factory(SchemaManager, pool, service="tenants")
    control = providers.Factory(SchemaManager, pool, schema="control", service="tenants")
    tenant_migrations = providers.Factory(MigrationSet, control, "migrations/tenants", schemas=["a", "b"])
    users = providers.Container(UsersContainer, pool=pool)
    orders = providers.Container(OrdersContainer, pool=pool, accounts=users.service, clock=clock)
"""

TREE = """\
ApplicationContainer
├── orders
│   ├── resource cache: open_cache
│   ├── service: Service
│   ├── schema orders, role svc_orders
│   ├── reads legacy.rates
│   ├── needs clock
│   ├── needs pool
│   ├── needs accounts, which is users.service
│   └── reads users.users
├── tenants
│   ├── schema control, role svc_tenants
│   ├── schemas by name, service tenants
│   ├── migrations in migrations/tenants, 2 schemas (a, b)
│   └── needs pool
├── users
│   ├── service: Service
│   ├── schema users, role svc_users
│   ├── migrations in migrations/users
│   └── needs pool
├── clock
│   └── Clock
├── mailer
│   ├── Service
│   └── needs clock
└── pool
    ├── SharedPool
    └── 2 to 10 connections
"""


def graph(*arguments):
    result = CliRunner().invoke(root, ["graph", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return Outcome(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def wired(offline, monkeypatch):
    """A project of containers in a container, with ports, reads and a service of many schemas."""
    monkeypatch.delenv("SHOP_DATABASE__SERVICE_ROLES")
    offline.write(f"{offline.module}_wired.py", WIRED.format(module=offline.module))
    offline.declare(container=f"{offline.module}_wired:ApplicationContainer")
    return offline


def test_the_tree_has_services_and_what_each_needs_reads_and_is_given(wired):
    outcome = graph()
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == TREE


def test_it_is_drawn_in_the_same_way_whatever_the_order_of_declaration(wired):
    text = WIRED.format(module=wired.module)
    lines = text.splitlines(keepends=True)
    clock = next(line for line in lines if line.startswith("    clock = providers.Singleton"))
    lines.remove(clock)
    lines.insert(lines.index("class ApplicationContainer(Container):\n") + 1, clock)
    wired.write(f"{wired.module}_other.py", "".join(lines))
    wired.declare(container=f"{wired.module}_other:ApplicationContainer")
    assert graph().out == TREE


def test_managers_in_the_outermost_container_are_services_of_their_own(offline):
    text = graph().out
    assert re.search(r"^├── users\n│   ├── schema users\n│   ├── migrations in migrations/users$", text, re.MULTILINE)
    assert re.search(r"^├── cache\n│   └── refused$", text, re.MULTILINE)


def test_without_roles_none_is_drawn(wired, monkeypatch):
    monkeypatch.setenv("SHOP_DATABASE__SERVICE_ROLES", "off")
    assert "role" not in graph().out


def test_a_folder_below_the_project_is_named_as_from_there(wired):
    text = WIRED.format(module=wired.module).replace('"migrations/users"', '__file__ and "{}/migrations/users"')
    wired.write(f"{wired.module}_wired.py", text.replace("{}", str(wired.root)))
    assert "migrations in migrations/users\n" in graph().out


def test_programs_are_told_nodes_and_edges(wired):
    found = graph("--json", "--format", "mermaid").json
    assert found["title"] == "ApplicationContainer"
    assert {"name": "clock", "kind": "object", "details": ["Clock"]} in found["nodes"]
    assert {
        "source": "orders",
        "target": "users",
        "kind": "needs",
        "label": "accounts",
        "by": "users.service",
    } in found["edges"]
    assert found["drawn"].startswith("flowchart TD\n")


def test_dot_is_a_graph_with_dashed_reads(wired):
    text = graph("--format", "dot").out
    assert text.startswith('digraph "ApplicationContainer" {\n')
    assert '"orders" -> "users" [label="reads users.users", style=dashed];' in text


def test_svg_is_what_graphviz_makes_of_it(wired, monkeypatch):
    program = wired.write("bin/dot", '#!/bin/sh\necho "<svg>$1"; cat\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    outcome = graph("--format", "svg")
    assert outcome.out == f"<svg>-Tsvg\n{graph('--format', 'dot').out}"


def test_without_graphviz_an_svg_is_one_clear_error(wired, monkeypatch):
    monkeypatch.setenv("PATH", str(wired.root))
    outcome = graph("--format", "svg")
    assert outcome.code == MISUSED
    assert "Graphviz, whose program `dot` is not on PATH" in outcome.err


def test_a_graphviz_that_fails_is_told_in_its_words(wired, monkeypatch):
    wired.write("bin/dot", "#!/bin/sh\necho wrong graph >&2; exit 1\n").chmod(0o755)
    monkeypatch.setenv("PATH", f"{wired.root / 'bin'}{os.pathsep}{os.environ['PATH']}")
    outcome = graph("--format", "svg")
    assert outcome.code == MISUSED
    assert "failed: wrong graph" in outcome.err


def test_a_format_that_there_is_not_is_told(wired):
    outcome = graph("--format", "png")
    assert outcome.code == MISUSED
    assert "'mermaid'" in outcome.err


def test_wiring_that_is_wrong_is_told_as_a_start_does(wired):
    text = WIRED.format(module=wired.module).replace(", clock=clock)", ")")
    wired.write(f"{wired.module}_wired.py", text)
    outcome = graph()
    assert outcome.code == MISUSED
    assert "orders.clock" in outcome.err


def block(language):
    text = (REPOSITORY / "docs/explanation/reference-application.md").read_text()
    return re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)[1]


@pytest.mark.parametrize(("language", "form"), [("mermaid", "mermaid"), ("text", "text")])
def test_the_reference_application_is_drawn_in_its_page_as_it_is(monkeypatch, language, form):
    for name in [*os.environ]:
        if name.upper().startswith("APP_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(REPOSITORY)
    outcome = graph("--format", form)
    assert outcome.out == block(language), f"draw it anew: poolhouse graph --format {form}"
