"""Every verb, where a module has many schemas."""

from __future__ import annotations

import re

import pytest

from poolhouse.migrations.catalogue import catalogue_of
from tests.integration.cli.tenants import NOTES, QUERY, declare, names, spoil, unique
from tests.integration.cli.test_plan import psql
from tests.integration.cli.test_unlock import holding

PENDING, MISUSED, FAILED = 1, 2, 3


@pytest.fixture
def project(project):
    """Give a project with a module `tenants` of five schemas, with nothing applied."""
    return declare(project, names(5))


@pytest.fixture
def migrated(project):
    """Give the same project with everything applied."""
    assert project.run("up").code == 0
    return project


def states(project, *arguments):
    found = project.run("status", "tenants", "--json", *arguments).json["modules"]
    return {each["schema"]: (each["state"], each["version"]) for each in found}


def test_checking_tells_how_many_schemas_there_are(project):
    outcome = project.run("check")
    assert re.search(
        r"^tenants +5 schemas \(tenant_0, tenant_1, tenant_2, \.\.\.\) +migrations/ten", outcome.out, re.MULTILINE
    )
    found = {each["module"]: each.get("schemas") for each in project.run("check", "--json").json["modules"]}
    assert found == {"control": None, "tenants": names(5)}


def test_status_sums_up_schemas_that_stand_alike(migrated):
    unique(migrated)
    migrated.run("up", "tenants", "--schema", "tenant_2")
    migrated.execute("DROP SCHEMA tenant_4 CASCADE")
    outcome = migrated.run("status", "tenants", "--exit-code")
    assert outcome.code == PENDING
    lines = outcome.out.splitlines()
    assert re.match(r"tenants +3 schemas \(tenant_0, tenant_1, tenant_3\) +0001 +pending +pending: 0002_u", lines[1])
    assert re.match(r"tenants +tenant_2 +0002 +up to date", lines[2])
    assert re.match(r"tenants +tenant_4 +- +drift +1 to be mended, see below", lines[3])
    assert states(migrated)["tenant_2"] == ("up to date", 2)
    assert len(states(migrated)) == 5


def test_status_of_drift_that_many_have_tells_it_once(migrated):
    migrated.write("migrations/tenants/0001_notes.sql", NOTES.replace("n int", "n bigint"))
    outcome = migrated.run("status", "tenants")
    assert outcome.out.count("it was changed after it had been applied") == 1
    assert "The same in 4 schemas (tenant_1, tenant_2, tenant_3, ...)." in outcome.out
    assert "poolhouse migrations repair tenants/1 --all-schemas --accept-checksum" in outcome.out


def test_status_before_a_query_can_be_asked_says_so(project):
    declare(project, QUERY)
    outcome = project.run("status", "--exit-code")
    assert outcome.code == PENDING
    assert re.search(r"^tenants +not known yet +- +unknown +its schemas are known when", outcome.out, re.MULTILINE)


def test_status_of_a_query_that_finds_nothing_has_a_line(project):
    declare(project, QUERY)
    project.run("up")
    assert re.search(r"^tenants +0 schemas", project.run("status", "--exit-code").out, re.MULTILINE)


def test_a_single_schema_can_be_looked_at(migrated):
    assert states(migrated, "--schema", "tenant_3") == {"tenant_3": ("up to date", 1)}


@pytest.mark.parametrize("verb", ["status", "plan", "up", "history", "unlock", "verify"])
def test_a_schema_that_nobody_has_is_told_with_the_nearest(project, verb):
    outcome = project.run(verb, "--schema", "tenant_33")
    assert outcome.code == MISUSED
    assert "no schema 'tenant_33' is migrated by control, tenants. Did you mean tenant_3?" in outcome.err


def test_up_sums_up_what_was_done_and_json_has_every_schema(project):
    outcome = project.run("up")
    assert re.search(r"^tenants +5 schemas \(tenant_0, .*\) +0001 +applied 0001$", outcome.out, re.MULTILINE)
    found = project.run("up", "--json").json["modules"]
    assert [each["schema"] for each in found] == ["control", *names(5)]


def test_up_tells_how_far_it_has_come_line_by_line_and_not_on_standard_output(project):
    outcome = project.run("up", "--json")
    assert outcome.json["modules"]
    assert outcome.err.splitlines()[-1] == "tenants: 5 of 5 schemas"


def test_up_of_one_schema_leaves_the_others(migrated):
    unique(migrated)
    assert migrated.run("up", "--schema", "tenant_1", "--schema", "tenant_3").code == 0
    done = {schema for schema, (_, version) in states(migrated).items() if version == 2}
    assert done == {"tenant_1", "tenant_3"}


def test_up_tells_which_schemas_failed_and_why(migrated):
    unique(migrated)
    spoil(migrated, "tenant_1", "tenant_3")
    outcome = migrated.run("up")
    assert outcome.code == FAILED
    assert re.search(
        r"^tenants +3 schemas \(tenant_0, tenant_2, tenant_4\) +0002 +applied 0002$", outcome.out, re.MULTILINE
    )
    assert re.search(r"^tenants +2 schemas \(tenant_1, tenant_3\) +- +failed, see below$", outcome.out, re.MULTILINE)
    assert "Error: module 'tenants': 2 of 5 schemas could not be migrated:" in outcome.err
    assert "0002_unique.sql:1:1" in outcome.err


def test_json_has_what_was_done_and_every_failure(migrated):
    unique(migrated)
    spoil(migrated, "tenant_1", "tenant_3")
    outcome = migrated.run("up", "--json")
    assert outcome.code == FAILED
    found = outcome.json
    assert {each["schema"] for each in found["modules"]} == {"tenant_0", "tenant_2", "tenant_4"}
    assert {(each["schema"], each["kind"]) for each in found["failures"]} == {
        ("tenant_1", "MigrationApplyError"),
        ("tenant_3", "MigrationApplyError"),
    }
    assert (found["total"], found["untried"], found["error"]["kind"]) == (5, 0, "MigrationSchemasError")


def test_up_says_how_many_were_not_tried(migrated):
    unique(migrated)
    spoil(migrated, "tenant_0")
    outcome = migrated.run("up")
    assert outcome.code == FAILED
    assert re.search(r"^tenants +4 schemas +- +not tried$", outcome.out, re.MULTILINE)


def test_a_dry_run_takes_one_schema_for_all_that_stand_alike(migrated):
    unique(migrated)
    migrated.run("up", "--schema", "tenant_0")
    found = migrated.run("up", "--dry-run", "--json").json["files"]
    assert [(each["schema"], each["schemas"], each["checked"]) for each in found] == [("tenant_1", names(5)[1:], True)]
    assert states(migrated)["tenant_1"] == ("pending", 1)


def test_a_dry_run_names_files_whose_schemas_nobody_knows_yet(project):
    declare(project, QUERY)
    found = {each["file"]: each["reason"] for each in project.run("up", "--dry-run", "--json").json["files"]}
    assert found["0001_tenants.sql"] is None
    assert found["0001_notes.sql"].startswith("not checked: its schemas are known when")


def test_a_plan_shows_once_what_is_pending_in_schemas_that_stand_alike(migrated):
    unique(migrated)
    migrated.run("up", "--schema", "tenant_0")
    outcome = migrated.run("plan", "--exit-code")
    assert outcome.code == PENDING
    assert outcome.out.count("ADD UNIQUE") == 1
    assert "-- tenants, 4 schemas: 0002_unique.sql\n-- 'tenant_1', 'tenant_2', 'tenant_3', 'tenant_4'\n" in outcome.out
    assert migrated.run("plan", "--json").json["alike"] == [{"module": "tenants", "schemas": names(5)[1:]}]


def test_psql_runs_the_plan_of_one_schema_and_leaves_many_alone(migrated):
    unique(migrated)
    assert psql(migrated.dsn, migrated.run("plan").out).returncode == 0
    assert {version for _, version in states(migrated).values()} == {1}
    script = migrated.run("plan", "tenants", "--schema", "tenant_2").out
    done = psql(migrated.dsn, script)
    assert done.returncode == 0, done.stderr
    assert [schema for schema, (_, version) in states(migrated).items() if version == 2] == ["tenant_2"]


def test_a_plan_without_a_database_takes_every_name_for_a_schema_of_a_query(offline, database):
    declare(offline, QUERY)
    script = offline.run("plan", "--offline", "--schema", "tenant_new").out
    assert psql(database, script).returncode == 0
    assert "-- tenants: its schemas are known when" in offline.run("plan", "--offline").out


def test_history_is_of_all_schemas_or_of_one(migrated):
    found = migrated.run("history", "tenants", "--json").json
    assert {each["schema"] for each in found["events"]} == {each["schema"] for each in found["ledger"]} == {*names(5)}
    found = migrated.run("history", "tenants", "--schema", "tenant_4", "--json").json
    assert [each["schema"] for each in found["events"]] == ["tenant_4"]


def test_the_holder_of_the_lock_of_any_schema_is_found(migrated):
    with holding(migrated.dsn, "tenants", "tenant_3") as holder:
        assert "Nobody" in migrated.run("unlock", "--schema", "tenant_2").out
        (found,) = migrated.run("unlock", "tenants", "--yes", "--json").json["holders"]
    assert (found["schema"], found["pid"], found["outcome"]) == ("tenant_3", holder["pid"], "ended")


HALF = "-- poolhouse: no-transaction\nCREATE TABLE {{tables.a}} (id int);\nDO $$ BEGIN PERFORM 1/0; END $$;\n"


def test_a_half_done_migration_is_mended_in_its_schema(migrated):
    migrated.write("migrations/tenants/0002_half.sql", HALF)
    failed = migrated.run("up")
    assert "poolhouse migrations repair tenants/2 --schema tenant_0 --mark-applied" in failed.err
    assert migrated.run("repair", "tenants/2", "--schema", "tenant_0", "--mark-applied").code == 0
    assert states(migrated)["tenant_0"] == ("up to date", 2)
    assert states(migrated)["tenant_1"] == ("pending", 1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["repair", "tenants/1", "--resume"], "Say which are meant, with --schema NAME, once or several times\n"),
        (["repair", "tenants/1", "--accept-checksum"], "times, or all of them with --all-schemas\n"),
        (["repair", "tenants/1", "--all-schemas", "--schema", "tenant_1", "--accept-checksum"], "Say one of them"),
        (["repair", "tenants/1", "--all-schemas", "--resume"], "--resume is decided schema by schema"),
        (["repair", "tenants/1", "--schema", "tenant_", "--resume"], "Did you mean tenant_"),
        (["baseline", "tenants"], "module 'tenants' has many schemas"),
        (["baseline", "tenants", "--all-schemas", "--schema", "tenant_1"], "Say one of them"),
    ],
)
def test_a_decision_is_not_made_for_schemas_that_nobody_named(project, arguments, told):
    outcome = project.run(*arguments)
    assert outcome.code == MISUSED
    assert told in outcome.err


def test_a_changed_file_is_accepted_in_all_schemas_at_once_and_again(migrated):
    migrated.execute("ALTER TABLE tenant_0.notes ALTER n TYPE bigint")
    migrated.write("migrations/tenants/0001_notes.sql", NOTES.replace("n int", "n bigint"))
    outcome = migrated.run("repair", "tenants/1", "--all-schemas", "--accept-checksum", "--json")
    assert (outcome.json["schemas"], outcome.json["failures"]) == (names(5), [])
    assert {state for state, _ in states(migrated).values()} == {"up to date"}
    again = migrated.run("repair", "tenants/1", "--all-schemas", "--accept-checksum")
    assert (again.code, again.out) == (0, "No schema is in need of it: tenants/0001.\n")


def test_a_repair_of_several_schemas_tells_which_were_not_in_need_of_it(migrated):
    outcome = migrated.run("repair", "tenants/1", "--schema", "tenant_0", "--schema", "tenant_1", "--resume")
    assert outcome.code == FAILED
    assert outcome.err.startswith("Error: 2 of 2 schemas could not be repaired:")
    assert outcome.err.count("it is not half done") == 2


def test_schemas_made_by_other_means_are_taken_as_migrated_all_at_once_and_again(project):
    by_hand = "CREATE SCHEMA {0}; CREATE TABLE {0}.notes (id int PRIMARY KEY, n int);"
    project.execute("".join(by_hand.format(schema) for schema in names(5)))
    project.execute("ALTER TABLE tenant_3.notes DROP COLUMN n")
    outcome = project.run("baseline", "tenants", "--all-schemas")
    assert outcome.code == FAILED
    assert "table notes: column n: missing" in outcome.err
    project.execute("ALTER TABLE tenant_3.notes ADD COLUMN n int")
    outcome = project.run("baseline", "tenants", "--all-schemas")
    assert outcome.code == 0
    assert "Migrated already, and left as they are: 3 schemas (tenant_0, tenant_1, tenant_2)." in outcome.out
    assert {state for state, _ in states(project).values()} == {"up to date"}


def test_verifying_replays_once_for_schemas_that_stand_alike(migrated, monkeypatch):
    replays = []

    async def catalogue(*arguments, **options):
        replays.append(options["schema"])
        return await catalogue_of(*arguments, **options)

    monkeypatch.setattr("poolhouse.migrations.catalogue.many.catalogue_of", catalogue)
    outcome = migrated.run("verify", "tenants", "--exit-code")
    assert outcome.code == 0
    assert outcome.out == "5 schemas (tenant_0, tenant_1, tenant_2, ...) (tenants 1): as their migrations make them\n"
    assert replays == ["tenant_0"]


def test_verifying_names_the_schema_that_differs(migrated):
    migrated.execute("ALTER TABLE tenant_0.notes ADD COLUMN by_hand int")
    outcome = migrated.run("verify", "--exit-code")
    assert outcome.code == PENDING
    assert "4 schemas (tenant_1, tenant_2, tenant_3, ...) (tenants 1): as their" in outcome.out
    assert "schema 'tenant_0' (tenants 1): 1 difference:\n  - table notes: column by_hand: unexpected" in outcome.out
    assert migrated.run("verify", "--schema", "tenant_1", "--exit-code").code == 0
    assert migrated.run("verify", "--schema", "tenant_0", "--exit-code").code == PENDING


def test_what_names_its_schema_where_nobody_looks_is_verified_by_itself(project):
    text = "-- poolhouse: template-bodies\nCREATE FUNCTION {{schema}}.f() RETURNS text LANGUAGE sql AS "
    project.write("migrations/tenants/0002_f.sql", f"{text}$$ SELECT 'of {{{{schema}}}}'::text $$;\n")
    project.run("up")
    assert project.run("verify", "--exit-code").code == 0


def test_squashing_needs_none_of_the_schemas(project):
    project.write("migrations/tenants/0002_more.sql", "CREATE TABLE {{tables.more}} (id int);\n")
    outcome = project.run("squash", "tenants")
    assert outcome.code == 0, outcome.err
    assert project.fetch("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'poolhouse_squash%'") == []


def test_what_was_squashed_is_kept_as_long_as_any_schema_has_a_part_of_it(migrated):
    migrated.write("migrations/tenants/0002_more.sql", "CREATE TABLE {{tables.more}} (id int);\n")
    migrated.run("squash", "tenants")
    migrated.run("up", "--schema", "tenant_0")
    refused = migrated.run("squash", "tenants", "--remove-replaced")
    assert refused.code == FAILED
    assert "4 schemas (tenant_1, tenant_2, tenant_3, ...) have a part of what it replaces only" in refused.err
    migrated.run("up")
    assert migrated.run("squash", "tenants", "--remove-replaced").code == 0
    assert migrated.run("status", "--exit-code").code == 0


def test_what_a_schema_depends_on_is_migrated_before_it_and_known_to_every_verb(project):
    project.write("migrations/tenants/0001_notes.sql", f"-- poolhouse: depends: control/0001\n{NOTES}")
    assert states(project, "--schema", "tenant_1") == {"tenant_1": ("pending", None)}
    assert project.run("check", "tenants").code == 0
    script = project.run("plan", "--schema", "tenant_1").out
    assert script.index("-- control, schema control: 0001") < script.index("-- tenants, schema tenant_1: 0001")
    assert len(project.run("up", "tenants", "--schema", "tenant_1", "--dry-run", "--json").json["files"]) == 2
    found = project.run("up", "tenants", "--schema", "tenant_1", "--json").json["modules"]
    assert [each["schema"] for each in found] == ["control", "tenant_1"]


def test_up_of_a_module_migrates_what_it_depends_on_before(project):
    project.write("migrations/tenants/0001_notes.sql", f"-- poolhouse: depends: control/0001\n{NOTES}")
    found = project.run("up", "tenants", "--json").json["modules"]
    assert [each["schema"] for each in found] == ["control", *names(5)]
