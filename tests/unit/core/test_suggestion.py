"""The nearest name."""

import pytest

from poolhouse._core.suggestion import nearest


@pytest.mark.parametrize(
    ("name", "candidates", "expected"),
    [
        ("tabels", ["schema", "tables"], "tables"),
        ("Tables", ["schema", "tables"], "tables"),
        ("max_sise", {"min_size", "max_size"}, "max_size"),
        ("acounts", ("Accounts", "orders"), "Accounts"),
        ("xyz", ["schema", "tables"], None),
        ("a", [], None),
    ],
)
def test_the_nearest_candidate_is_found_whatever_its_case(name, candidates, expected):
    assert nearest(name, candidates) == expected


def test_the_order_of_the_candidates_does_not_matter():
    candidates = ["user_a", "user_b", "User_A", "user_c"]
    assert len({nearest("user_x", candidates[shift:] + candidates[:shift]) for shift in range(4)}) == 1
