"""The moves between the states of something that is started and stopped."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse._core.lifecycle import LifecycleState, move
from poolhouse.errors import LifecycleError

NEW, STARTING, STARTED, STOPPING, STOPPED = LifecycleState
LEGAL = {
    (NEW, STARTING),
    (STARTING, STARTED),
    (STARTING, STOPPING),
    (STARTED, STOPPING),
    (STOPPING, STOPPED),
    (STOPPED, STARTING),
}
STATES = st.sampled_from(LifecycleState)


@given(STATES, STATES)
def test_only_a_legal_move_is_made(current, target):
    if (current, target) in LEGAL:
        assert move(current, target, subject="the pool") is target
    else:
        with pytest.raises(LifecycleError):
            move(current, target, subject="the pool")


def test_a_refused_move_says_who_where_and_what_would_be_legal():
    with pytest.raises(LifecycleError) as caught:
        move(STARTING, STOPPED, subject="the pool")

    assert str(caught.value) == (
        "the pool is starting and cannot become stopped. From here it can only become started or stopping"
    )


@given(st.lists(STATES, max_size=30))
def test_whatever_is_tried_a_running_thing_was_started_and_is_stopped_before_it_starts_again(targets):
    state, path = NEW, [NEW]
    for target in targets:
        try:
            state = move(state, target, subject="it")
        except LifecycleError:
            continue
        path.append(state)

    for before, after in pairwise(path):
        assert after is not STARTED or before is STARTING
        assert after is not STARTING or before in {NEW, STOPPED}
    assert NEW not in path[1:]
