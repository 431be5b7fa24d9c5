"""Telling two catalogues apart: what is said, and what goes without saying."""

from __future__ import annotations

import pytest

from poolhouse._core.catalogue import Catalogue, CatalogueEntry, compare


def entry(place, *, owner=None, origins=(), position=0, **aspects):
    kind, _, name = place.rpartition(": ")[2].partition(" ")
    if owner is not None and kind == "column":
        name = f"{owner.partition(' ')[2]}.{name}"
    return CatalogueEntry(kind, name, place, tuple(sorted(aspects.items())), owner, origins, position)


def catalogue(*entries):
    return Catalogue("shop", tuple(sorted(entries, key=lambda each: each.place)))


def told(expected, actual):
    return [str(each) for each in compare(catalogue(*expected), catalogue(*actual))]


TABLE = entry("table t")


def column(name, *, table="table t", **rest):
    return entry(f"{table}: column {name}", owner=table, **rest)


def test_equal_catalogues_have_no_differences():
    assert told([TABLE, column("a", type="text")], [TABLE, column("a", type="text")]) == []


def test_the_name_of_the_schema_is_no_difference():
    assert Catalogue("a", (TABLE,)) == Catalogue("b", (TABLE,))


def test_a_difference_names_place_aspect_and_both_values():
    expected, actual = [TABLE, column("a", type="numeric(12,2)")], [TABLE, column("a", type="numeric")]
    assert told(expected, actual) == ["table t: column a: type numeric, expected numeric(12,2)"]
    (difference,) = compare(catalogue(*expected), catalogue(*actual))
    assert (difference.kind, difference.name, difference.aspect) == ("column", "t.a", "type")
    assert (difference.expected, difference.actual) == ("numeric(12,2)", "numeric")


def test_what_is_not_there_is_none():
    assert told([entry("table t", comment="x")], [TABLE]) == ["table t: comment none, expected x"]
    assert told([TABLE], [entry("table t", comment="x")]) == ["table t: comment x, expected none"]


@pytest.mark.parametrize("value", ["two\nlines", "long " * 30])
def test_long_values_are_not_shown_in_the_line_but_kept(value):
    (difference,) = compare(catalogue(entry("function f", body=value)), catalogue(entry("function f", body="x")))
    assert str(difference) == "function f: body differs"
    assert difference.expected == value


def test_missing_and_unexpected_objects_are_told_apart():
    assert told([entry("index i")], [entry("index j")]) == ["index i: missing", "index j: unexpected"]
    first, second = compare(catalogue(entry("index i")), catalogue(entry("index j")))
    assert (first.expected, first.actual) == ("index", None)
    assert (second.expected, second.actual) == (None, "index")


def test_parts_of_what_is_missing_are_not_told():
    parts = [TABLE, column("a"), entry("index i", owner="table t"), entry("sequence s", owner="table t: column a")]
    assert told(parts, []) == ["table t: missing"]
    assert told([], parts) == ["table t: unexpected"]


def test_the_sequence_of_an_identity_goes_with_it():
    sequence = entry("sequence s", owner="table t: column a")
    assert told([TABLE, column("a", identity="always"), sequence], [TABLE, column("a")]) == [
        "table t: column a: identity none, expected always"
    ]


def test_several_aspects_are_told_in_their_order():
    assert told([entry("table t", a="1", b="1", c="1")], [entry("table t", a="1", b="2", c="2")]) == [
        "table t: b 2, expected 1",
        "table t: c 2, expected 1",
    ]


HEIR = entry("table heir")
ORIGINS = ("table t: column a",)


def test_what_is_only_inherited_is_told_once():
    expected = [TABLE, HEIR, column("a", default="1"), column("a", table="table heir", origins=ORIGINS, default="1")]
    actual = [TABLE, HEIR, column("a", default="2"), column("a", table="table heir", origins=ORIGINS, default="2")]
    assert told(expected, actual) == ["table t: column a: default 2, expected 1"]
    assert told(expected, [TABLE, HEIR]) == ["table t: column a: missing"]


def test_what_an_heir_has_of_its_own_is_told():
    expected = [TABLE, HEIR, column("a", default="1"), column("a", table="table heir", origins=ORIGINS, default="1")]
    actual = [TABLE, HEIR, column("a", default="2"), column("a", table="table heir", origins=ORIGINS, default="3")]
    assert told(expected, actual) == [
        "table heir: column a: default 3, expected 1",
        "table t: column a: default 2, expected 1",
    ]


def test_a_definition_that_follows_another_is_told_once():
    clone = {"origins": ("index i",)}
    expected = [entry("index i", definition="ON t (a)"), entry("index k", definition="ON u (a)", **clone)]
    actual = [entry("index i", definition="ON t (b)"), entry("index k", definition="ON u (b)", **clone)]
    assert told(expected, actual) == ["index i: definition ON t (b), expected ON t (a)"]


def test_another_order_of_columns_is_one_difference_of_the_table():
    expected = [TABLE, *(column(name, position=place) for place, name in enumerate("abc"))]
    actual = [TABLE, *(column(name, position=place) for place, name in enumerate("cab"))]
    assert told(expected, actual) == ["table t: column order c, a, b, expected a, b, c"]


def test_a_new_or_missing_column_does_not_disturb_the_order():
    expected = [TABLE, *(column(name, position=place) for place, name in enumerate("abc"))]
    actual = [TABLE, *(column(name, position=place) for place, name in enumerate("xac"))]
    assert told(expected, actual) == ["table t: column b: missing", "table t: column x: unexpected"]


def test_a_catalogue_says_how_much_it_holds():
    assert repr(catalogue(TABLE)) == "<Catalogue of schema 'shop': 1 entries>"
