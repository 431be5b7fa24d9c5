from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poolhouse._core.wiring.circles import circles


@st.composite
def graphs(draw):
    size = draw(st.integers(1, 8))
    return draw(st.lists(st.lists(st.integers(0, size - 1), max_size=3), min_size=size, max_size=size))


def reached(needs, start):
    found, following = set(), [*needs[start]]
    while following:
        node = following.pop()
        if node not in found:
            found.add(node)
            following += needs[node]
    return found


@given(graphs())
def test_circles_are_real_and_every_set_of_nodes_in_one_has_its_own(needs):
    found = [*circles(needs)]
    for circle in found:
        assert all(after in needs[before] for before, after in zip(circle, [*circle[1:], circle[0]], strict=True))
        assert len({*circle}) == len(circle)
        assert circle[0] == min(node for node in reached(needs, circle[0]) if circle[0] in reached(needs, node))
    in_circles = {node for node in range(len(needs)) if node in reached(needs, node)}
    components = {
        frozenset(other for other in reached(needs, node) if node in reached(needs, other)) for node in in_circles
    }
    assert len(found) == len(components)


def test_a_long_chain_is_no_reason_to_recurse():
    length = 20_000
    assert [*circles([[number + 1] for number in range(length)] + [[length]])] == [[length]]
