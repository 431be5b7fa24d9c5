"""The arithmetic of sizes: what is advised would really fit, and nothing larger would."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from poolhouse._core.doctor import Level
from poolhouse._core.doctor.sizing import Sizing, judge_sizes, processes_of
from tests.unit.doctor.conftest import POOL, SERVER

SIZINGS = st.builds(
    Sizing,
    max_size=st.integers(1, 200),
    processes=st.integers(1, 100),
    others=st.integers(0, 500),
    room=st.integers(0, 5000),
    more=st.integers(0, 1),
)


@given(SIZINGS)
def test_the_greatest_size_fits_and_the_next_does_not(sizing):
    if sizing.greatest > 0:
        assert replace(sizing, max_size=sizing.greatest).left >= 0
    assert replace(sizing, max_size=sizing.greatest + 1).left < 0


@given(SIZINGS)
def test_a_room_of_what_is_needed_is_just_enough(sizing):
    assert replace(sizing, room=sizing.needed).left == 0


@given(SIZINGS)
def test_what_does_not_fit_is_tight_too(sizing):
    assert sizing.left >= 0 or sizing.is_tight


@given(SIZINGS)
def test_more_of_anything_leaves_less(sizing):
    for more in ("max_size", "processes", "others"):
        assert replace(sizing, **{more: getattr(sizing, more) + 1}).left < sizing.left


@given(st.integers(1, 100), st.integers(1, 200), st.integers(0, 5000))
def test_there_are_enough_processes_for_what_is_open(said, max_size, own):
    processes = processes_of(replace(POOL, processes=said, max_size=max_size), replace(SERVER, own=own))
    assert processes >= said
    assert processes * max_size >= own
    assert processes == said or (processes - 1) * max_size < own


@given(SIZINGS, st.integers(0, 10), st.integers(0, 10))
def test_there_is_a_fault_exactly_when_it_does_not_fit_and_its_remedy_mends_it(sizing, superusers, reserved):
    pool = replace(POOL, max_size=sizing.max_size, processes=sizing.processes)
    server = replace(
        SERVER,
        others=sizing.others,
        max_connections=sizing.room + superusers + reserved,
        superuser_reserved_connections=superusers,
        reserved_connections=reserved,
    )
    sizing = replace(sizing, more=1)
    faults = [finding for finding in judge_sizes(pool, server) if finding.level is Level.FAULT]
    assert bool(faults) == (sizing.left < 0)
    for fault in faults:
        *smaller, larger = [int(word) for word in fault.remedy.split() if word.isdigit()]
        mended = [replace(pool, max_size=size) for size in smaller]
        assert all(each.level is not Level.FAULT for every in mended for each in judge_sizes(every, server))
        assert all(each.level is not Level.FAULT for each in judge_sizes(pool, replace(server, max_connections=larger)))
