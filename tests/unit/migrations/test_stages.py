"""Where pending files are cut."""

from __future__ import annotations

import pytest

from poolhouse._core.migration_file import parse_migration
from poolhouse._core.stages import first_stage


def stages(*texts, alone=False):
    """The files of each stage, by their numbers."""
    pending = [parse_migration(f"m/{n}_x.sql", text.encode(), schema="s") for n, text in enumerate(texts, start=1)]
    found = []
    while pending:
        stage = first_stage(pending, alone=alone)
        found.append(([file.version for file in stage.files], stage.is_transactional))
        pending = pending[len(stage.files) :]
    return found


PLAIN = "SELECT 1"


def test_what_nothing_cuts_is_one_stage():
    assert stages(PLAIN, PLAIN, PLAIN) == [([1, 2, 3], True)]


def test_each_file_can_be_a_stage_of_its_own():
    assert stages(PLAIN, PLAIN, alone=True) == [([1], True), ([2], True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-- poolhouse: isolate\nSELECT 1", [([1], True), ([2], True), ([3], True)]),
        ("-- poolhouse: no-transaction\nSELECT 1", [([1], True), ([2], False), ([3], True)]),
        ("-- poolhouse: depends: users/1\nSELECT 1", [([1], True), ([2, 3], True)]),
        ("ALTER TYPE t ADD VALUE 'x'", [([1, 2], True), ([3], True)]),
        ("SELECT 'ALTER TYPE t ADD VALUE'", [([1, 2, 3], True)]),
        ("-- ALTER TYPE t ADD VALUE\nSELECT value", [([1, 2, 3], True)]),
        ("-- poolhouse: lock-timeout: 1s\nSELECT 1", [([1, 2, 3], True)]),
    ],
)
def test_a_file_is_cut_off_where_it_must_be(text, expected):
    assert stages(PLAIN, text, PLAIN) == expected
