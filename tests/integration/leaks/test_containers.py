"""Containers by the dozen and by the hundred, in random order: no connection, task, override or memory is left."""

from __future__ import annotations

import gc
import logging
import tracemalloc
import uuid

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from poolhouse.settings import DatabaseSettings
from tests.integration.leaks.machine import Containers

SETTINGS = settings(
    deadline=None, database=None, suppress_health_check=[*HealthCheck], stateful_step_count=25, print_blob=True
)


@pytest.fixture
def machine(database, database_settings, tmp_path):
    (tmp_path / "0001_notes.sql").write_text("CREATE TABLE {{tables.notes}} (number int);")
    name = f"leaks-{uuid.uuid4().hex[:8]}"
    changes = {"application_name": name, "min_size": 1, "max_size": 4, "drain_timeout": 5.0}

    class Machine(Containers):
        made = 0
        dsn = database
        application_name = name
        pool_settings = DatabaseSettings.model_validate(database_settings.model_dump() | changes)
        folder = tmp_path

    logging.getLogger("poolhouse").setLevel(logging.CRITICAL)
    yield Machine
    logging.getLogger("poolhouse").setLevel(logging.NOTSET)


def run(machine, examples):
    run_state_machine_as_test(machine, settings=settings(SETTINGS, max_examples=examples))


def test_a_dozen_containers_leave_nothing(machine):
    run(machine, 3)
    assert machine.made >= 12


@pytest.mark.processes
@pytest.mark.timeout(600)
def test_two_hundred_containers_leave_nothing_and_the_memory_is_what_it_was(machine):
    run(machine, 10)
    gc.collect()
    tracemalloc.start()
    try:
        run(machine, 5)
        gc.collect()
        before, made = tracemalloc.get_traced_memory()[0], machine.made
        run(machine, 50)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert machine.made >= 200
    # One that is only made, and never started, takes three times as much.
    assert grown / (machine.made - made) < 4096, f"{grown} bytes in {machine.made - made} containers"
