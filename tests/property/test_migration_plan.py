"""Any state of files and database gives a plan or a named refusal, and following plans ends in agreement."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse._core.migration_file import LoadedMigrations, parse_migration, parse_name
from poolhouse._core.plan import Head, LedgerRow, chain, plan_from_head, plan_from_ledger
from poolhouse.errors import MigrationDriftError, MigrationNameError

# A migration is a version and one of two contents.
HISTORIES = st.dictionaries(st.integers(0, 12), st.sampled_from("ab"), max_size=8)
FILES = HISTORIES.filter(bool)


@cache
def file(version, content):
    return parse_migration(f"m/{version}_{content}.sql", f"SELECT {content}".encode(), schema="s")


def load(history):
    files = tuple(file(version, history[version]) for version in sorted(history))
    return LoadedMigrations("m", "s", frozenset(), "m", files)


def database(history):
    files = load(history).files
    rows = [LedgerRow(each.version, each.name, each.checksum) for each in files]
    return (Head(rows[-1].version, chain(rows)[-1]) if rows else None), rows


def plan(files, applied):
    head, rows = database(applied)
    loaded = load(files)
    return plan_from_head(loaded, head) or plan_from_ledger(loaded, head, rows)


@given(FILES, HISTORIES)
def test_a_plan_applies_only_on_top_of_an_agreement(files, applied):
    try:
        made = plan(files, applied)
    except MigrationDriftError:
        return
    shared = {version: content for version, content in applied.items() if version not in made.ahead}
    pending = [each.version for each in made.pending]
    assert pending == sorted(pending)
    assert all(version > max(applied, default=-1) for version in pending)
    assert {**shared, **{version: files[version] for version in pending}} == files
    assert not (made.pending and made.ahead)


@given(FILES, HISTORIES)
def test_a_refusal_names_every_version_that_disagrees_and_no_other(files, applied):
    newest = max(files)
    changed = {version for version in files.keys() & applied.keys() if files[version] != applied[version]}
    missing = {version for version in applied.keys() - files.keys() if version < newest}
    late = {version for version in files.keys() - applied.keys() if version < max(applied, default=-1)}
    beyond = any(version > newest for version in applied)
    if not changed | missing | late:
        plan(files, applied)
        return
    with pytest.raises(MigrationDriftError) as caught:
        plan(files, applied)
    named = {each.version for each in caught.value.violations if hasattr(each, "version")}
    assert named == changed | missing | (set() if beyond else late)


@given(FILES, FILES)
def test_following_a_plan_is_idempotent(files, applied):
    try:
        made = plan(files, applied)
    except MigrationDriftError:
        return
    after = {**applied, **{each.version: files[each.version] for each in made.pending}}
    again = plan(files, after)
    assert (again.pending, again.ahead) == ((), made.ahead)


@given(FILES, st.data())
def test_any_beginning_of_the_files_is_completed_by_the_head_alone(files, data):
    count = data.draw(st.integers(0, len(files)))
    applied = {version: files[version] for version in sorted(files)[:count]}
    made = plan_from_head(load(files), database(applied)[0])
    assert [each.version for each in made.pending] == sorted(files)[count:]


@given(st.integers(0, 2**63 - 1), st.integers(0, 5), st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,30}", fullmatch=True))
def test_every_name_of_the_grammar_is_read_back(version, zeros, title):
    assert parse_name(f"m/{'0' * zeros}{version}_{title}.sql") == (version, title)


@given(st.text(alphabet=st.sampled_from("07a_-. Z\n") | st.characters(exclude_characters="/\0"), max_size=12))
def test_any_name_is_read_as_the_grammar_says_or_refused(text):
    name = f"{text}.sql"
    digits, _, title = text.partition("_")
    legal = (
        digits.isascii() and digits.isdigit() and title.isascii() and title.replace("_", "-").replace("-", "").isalnum()
    )
    if legal and title[0] not in "_-":
        assert parse_name(f"m/{name}") == (int(digits), title)
        return
    with pytest.raises(MigrationNameError) as caught:
        parse_name(f"m/{name}")
    assert caught.value.file == f"m/{name}"
