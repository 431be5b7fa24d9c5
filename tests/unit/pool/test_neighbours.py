"""A second pool on the same database is noticed, and is said once."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sysconfig
import warnings
from pathlib import Path

import pytest

from poolhouse.pool import SharedPool, neighbours
from poolhouse.pool.neighbours import UNKNOWN, Neighbours, database_of, place_outside
from poolhouse.settings import DatabaseSettings

DSN = "postgresql://shop@db.example/shop"


def pool(dsn=DSN):
    return SharedPool(DatabaseSettings.model_validate({"dsn": dsn, "application_name": "shop"}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (DSN, "postgresql://shop:geheim@db.example:5432/shop"),
        (DSN, "postgres://reports@DB.example/shop?sslmode=require"),
        (DSN, "postgresql://shop@db.example"),
        (DSN, "postgresql:///shop?host=db.example&user=somebody"),
        ("postgresql://a:1,b:2/shop", "postgresql://b:2,a:1/shop"),
        ("postgresql://localhost/shop", "postgresql://127.0.0.1:5432/shop"),
        ("postgresql://[::1]/shop", "postgresql:///shop"),
        ("postgresql://shop@/?host=/run/", "postgresql:///shop?host=%2Frun"),
        ("postgresql://%2Frun/shop", "postgresql:///shop?host=/run&port=5432"),
    ],
)
def test_two_dsns_of_one_database_are_equal(one, other):
    assert database_of(one) == database_of(other)


@pytest.mark.parametrize(
    "other",
    [
        "postgresql://shop@db.example/other",
        "postgresql://shop@db.example:5433/shop",
        "postgresql://shop@db2.example/shop",
        "postgresql://[half",
        "postgresql://shop@/shop?host=/db.example",
    ],
)
def test_two_databases_are_told_apart(other):
    assert database_of(DSN) != database_of(other)


def test_a_second_pool_on_a_database_is_told_where_the_first_was_made():
    known, first, second = Neighbours(), pool(), pool()
    assert known.note_opened(first, DSN, "a.py:1") is None
    assert known.note_opened(second, "postgresql://reports@db.example:5432/shop", "b.py:2") == "a.py:1"


def test_it_is_told_once():
    known, pools = Neighbours(), [pool() for _ in range(4)]
    told = [known.note_opened(each, DSN, f"a.py:{line}") for line, each in enumerate(pools)]
    known.note_closed(pools[0])
    known.note_closed(pools[1])
    again = pool()
    assert [*told, known.note_opened(again, DSN, "a.py:5")] == [None, "a.py:0", None, None, None]


def test_it_is_told_again_when_there_was_no_pool_in_between():
    known, first, second = Neighbours(), pool(), pool()
    known.note_opened(first, DSN, "a.py:1")
    known.note_opened(second, DSN, "a.py:2")
    known.note_closed(first)
    known.note_closed(second)
    assert known.note_opened(first, DSN, "a.py:1") is None
    assert known.note_opened(second, DSN, "a.py:2") == "a.py:1"


def test_a_pool_after_another_is_no_neighbour():
    known, first, second = Neighbours(), pool(), pool()
    known.note_opened(first, DSN, "a.py:1")
    known.note_closed(first)
    assert known.note_opened(second, DSN, "a.py:2") is None


def test_a_pool_that_is_opened_twice_is_no_neighbour_of_itself():
    known, only = Neighbours(), pool()
    known.note_opened(only, DSN, "a.py:1")
    assert known.note_opened(only, DSN, "a.py:1") is None


def test_a_pool_that_was_never_open_can_be_closed():
    Neighbours().note_closed(pool())


def test_a_pool_that_was_dropped_without_a_close_is_no_neighbour():
    known, first = Neighbours(), pool()
    known.note_opened(first, DSN, "a.py:1")
    del first
    gc.collect()
    second = pool()
    assert known.note_opened(second, DSN, "a.py:2") is None


def test_pools_on_two_databases_are_no_neighbours():
    known, first, second = Neighbours(), pool(), pool("postgresql://db.example/other")
    known.note_opened(first, DSN, "a.py:1")
    assert known.note_opened(second, "postgresql://db.example/other", "a.py:2") is None


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="there is no fork")
def test_the_child_of_a_fork_has_none_of_its_parents_pools():
    known, first, second = neighbours._NEIGHBOURS, pool(), pool()
    known.note_opened(first, DSN, "a.py:1")
    with warnings.catch_warnings():
        # Newer Pythons warn of the other threads that there may be; the child does nothing that could wait for them.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        told = "failed"
        try:
            told = known.note_opened(second, DSN, "a.py:2")
        finally:
            os._exit(0 if told is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert known.note_opened(second, DSN, "a.py:2") == "a.py:1"


def test_the_warning_names_both_places_and_no_password(caplog, monkeypatch):
    monkeypatch.setattr(neighbours, "_NEIGHBOURS", Neighbours())
    dsn = "postgresql://shop:geheim@db.example/shop"
    first, second = pool(dsn), pool(dsn)
    with caplog.at_level(logging.WARNING, "poolhouse.pool"):
        neighbours.note_opened(first, dsn, "a.py:1")
        assert not caplog.records
        neighbours.note_opened(second, dsn, "b.py:2")
        neighbours.note_closed(second)
        neighbours.note_opened(second, dsn, "b.py:2")
    assert [record.message.partition(".py:2;")[0] for record in caplog.records] == [
        "shop: this process has a second pool on shop@db.example/shop, made at b"
    ]
    assert "the first was made at a.py:1. Services can share one" in caplog.text
    assert "geheim" not in caplog.text


def test_the_place_of_a_call_is_its_file_and_line():
    file, _, line = place_outside().rpartition(":")
    assert Path(file).resolve() == Path(__file__)
    assert "place_outside" in Path(__file__).read_text().splitlines()[int(line) - 1]


def test_the_place_is_short_below_the_working_directory(monkeypatch):
    monkeypatch.chdir(Path(__file__).parent)
    assert place_outside().startswith("test_neighbours.py:")


PACKAGES = Path(sysconfig.get_path("purelib"))


@pytest.mark.parametrize(
    "file",
    [
        neighbours.__file__,
        logging.__file__,
        "<frozen runpy>",
        str(PACKAGES / "dependency_injector/wiring.py"),
        str(PACKAGES / "uvloop/__init__.py"),
    ],
)
def test_what_lies_between_is_not_the_place(file):
    made = eval(compile("place()", file, "eval"), {"place": place_outside})
    assert Path(made.rpartition(":")[0]).resolve() == Path(__file__)


def line_of(place):
    file, _, line = place.rpartition(":")
    return Path(file).read_text().splitlines()[int(line) - 1]


def between(code, **names):
    """Return the function `made` of `code`, as if it were ours."""
    exec(compile(code, neighbours.__file__, "exec"), names)
    return names["made"]


def test_another_package_may_be_the_place():
    file = str(PACKAGES / "shop/main.py")
    assert eval(compile("place()", file, "eval"), {"place": place_outside}).endswith("shop/main.py:1")


async def test_what_a_task_makes_was_made_by_whoever_started_it():
    made = between(
        """async def made():
            async def task():
                return place()
            with starting():
                begun = create_task(task())
            return await begun, await create_task(task())""",
        place=place_outside,
        starting=neighbours.starting,
        create_task=asyncio.create_task,
    )
    started, other = await made()
    assert line_of(started).strip() == "started, other = await made()"
    assert other != started


async def test_what_a_task_makes_itself_is_its_own():
    async def task():
        return place_outside()

    with neighbours.starting():
        begun = asyncio.create_task(task())
    assert line_of(await begun).strip() == "return place_outside()"


def test_a_call_from_nowhere_has_no_place(monkeypatch):
    monkeypatch.setattr(neighbours, "_is_between", lambda _file: True)
    assert place_outside() == UNKNOWN
