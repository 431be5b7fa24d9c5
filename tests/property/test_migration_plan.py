"""Any state of files and database gives a plan or a named refusal, and following plans ends in agreement."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse._core.migration_file import LoadedMigrations, parse_migration, parse_name
from poolhouse._core.plan import Applied, Head, LedgerRow, chain, plan_from_head, plan_from_ledger
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


VERSIONED = st.dictionaries(st.integers(0, 8), st.tuples(st.sampled_from("ab"), st.booleans()), min_size=1, max_size=6)
NAMED = st.dictionaries(st.sampled_from(["x", "y", "z"]), st.sampled_from("ab"))


def load_all(versioned, repeatables, *, applies_late):
    """Files of every kind: versions with a content and whether they are contract ones, and repeatable ones by name."""
    files = [
        parse_migration(
            f"m/{version}_{content}.sql",
            f"-- poolhouse: phase: {'contract' if contract else 'expand'}\nSELECT {content}".encode(),
            schema="s",
        )
        for version, (content, contract) in sorted(versioned.items())
    ]
    named = [
        parse_migration(f"m/R_{name}.sql", f"SELECT {content}".encode(), schema="s")
        for name, content in sorted(repeatables.items())
    ]
    return LoadedMigrations("m", "s", frozenset(), "m", tuple(files), tuple(named), applies_late=applies_late)


def rows_of(applied):
    return [
        *(LedgerRow(version, "x", checksum) for version, checksum in applied.versions),
        *(LedgerRow(None, name, checksum) for name, checksum in applied.repeatables),
    ]


@given(VERSIONED, NAMED, NAMED, st.data())
def test_from_any_state_of_its_own_files_a_database_is_brought_up_to_date_in_any_cuts(versioned, named, before, data):
    loaded = load_all(versioned, named, applies_late=True)
    earlier = load_all(versioned, before, applies_late=True)
    chosen = data.draw(st.sets(st.sampled_from([*earlier.files, *earlier.repeatables])))
    applied = Applied().plus(chosen)
    head = Head(applied.version, applied.digest) if chosen else None
    contract = data.draw(st.booleans())
    plan = plan_from_ledger(loaded, head, rows_of(applied) if chosen else [], contract=contract)
    by_head = plan_from_head(loaded, head, contract=contract)
    assert by_head is None or by_head == plan
    while plan.pending:
        plan = plan.after(plan.pending[: data.draw(st.integers(1, len(plan.pending)))])
    again = plan_from_ledger(loaded, plan.head, rows_of(plan.applied), contract=contract)
    assert not again.pending
    assert {version for version, _ in again.applied.versions} | {file.version for file in again.held} == set(versioned)
    assert all(file.is_contract and not contract for file in again.held)
    assert {(file.name, file.checksum) for file in loaded.repeatables} <= {*again.applied.repeatables}


@given(VERSIONED, NAMED)
def test_a_start_with_nothing_to_do_needs_the_head_only(versioned, named):
    loaded = load_all(versioned, named, applies_late=False)
    for contract in (False, True):
        plan = plan_from_head(loaded, None, contract=contract)
        done = plan.after(plan.pending)
        if done.head.digest:
            found = plan_from_head(loaded, done.head, contract=contract)
            assert found is not None
            assert not found.pending


@given(VERSIONED, NAMED, VERSIONED, NAMED)
def test_equal_digests_mean_equal_states(versioned, named, other_versioned, other_named):
    one, other = (
        Applied().plus((*loaded.files, *loaded.repeatables))
        for loaded in (
            load_all(versioned, named, applies_late=False),
            load_all(other_versioned, other_named, applies_late=False),
        )
    )
    assert (one.digest == other.digest) is (one == other)


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
