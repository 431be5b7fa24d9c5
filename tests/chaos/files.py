"""What the campaign migrates: every kind of statement that an end can come in the middle of.

That is an application of four modules, and one of many branches, with a schema for each.
"""

from __future__ import annotations

from typing import NamedTuple

OUTSIDE = "-- poolhouse: no-transaction\n"


class Module(NamedTuple):
    """A module of the application, the schema that it migrates, and its files."""

    name: str
    schema: str
    files: dict[str, str]
    count_of_old: int  # so many of the files has the release before
    others_of_old: dict[str, str] = {}  # noqa: RUF012 - nobody changes it
    schemas: tuple[str, ...] | None = None  # instead of the one, for a module of many


# An expression that takes its time, so that an index on it is being built for long enough to be killed in it.
_SLOWLY = """
CREATE FUNCTION {{schema}}.slowly(number int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_catalog.pg_sleep(ROW); RETURN number; END $$;
"""

# Commits in its middle, so that nobody can know how much of it was done; it can be run again, which it keeps a list of.
_FILL_NOTES = """-- poolhouse: template-bodies
CREATE PROCEDURE {{schema}}.fill_notes() LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop.runs VALUES (current_schema());
    COMMIT;
    FOR batch IN 0..4 LOOP
        UPDATE {{tables.orders}} SET note = 'batch ' || batch WHERE id % 5 = batch AND note IS NULL;
        PERFORM pg_catalog.pg_sleep(SLEEP);
        COMMIT;
    END LOOP;
END $$;
"""

# Makes time for an end between a statement and the record of it, wherever there is a gap.
_SLOW_LEDGER = """
CREATE FUNCTION {{schema}}.take_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_catalog.pg_sleep(0.004); RETURN new; END $$;
CREATE TRIGGER take_time BEFORE UPDATE ON poolhouse.ledger FOR EACH ROW EXECUTE FUNCTION {{schema}}.take_time();
"""

# Every statement that must take effect once leaves a mark, and a second one when it is run twice.
_MARK = "INSERT INTO shop.marks VALUES "
_MARK_BRANCH = "INSERT INTO shop.marks VALUES (current_schema() || '/{}');"
_MARKS = "CREATE TABLE {{tables.marks}} (mark text NOT NULL); CREATE TABLE {{tables.runs}} (schema_name text NOT NULL);"
_ORDERS = (
    "CREATE TABLE {{tables.orders}} (id int PRIMARY KEY, state text NOT NULL, note text);"
    "INSERT INTO {{tables.orders}} SELECT number, 'state ' || number % 7 FROM generate_series(1, ROWS) AS number;"
)


def _view(columns: str) -> str:
    # What a release before made of it cannot take the place of what a later one has made.
    return f"CREATE OR REPLACE VIEW {{{{tables.open_orders}}}} AS SELECT {columns} FROM {{{{tables.orders}}}}"


def modules_with(*, slow: float = 0.15, row: float = 0.001) -> list[Module]:
    """Return the modules of the application, with a migration of `slow` seconds, and indexes of `row` for each row."""
    slowly = _SLOWLY.replace("ROW", str(row))
    shop = {
        "0001_create_orders.sql": f"{_ORDERS.replace('ROWS', '80')}{_MARKS}{_MARK}('1');",
        "0002_add_stage.sql": "CREATE TYPE {{schema}}.stage AS ENUM ('new', 'sent');"
        "ALTER TABLE {{tables.orders}} ADD COLUMN stage {{schema}}.stage NOT NULL DEFAULT 'new';" + slowly,
        "0003_add_paid.sql": "ALTER TYPE {{schema}}.stage ADD VALUE 'paid';",
        "0004_use_paid.sql": f"UPDATE {{{{tables.orders}}}} SET stage = 'paid' WHERE id % 3 = 0; {_MARK}('4');",
        "0005_index_orders.sql": f"{OUTSIDE}SET maintenance_work_mem = '4MB';"
        "CREATE INDEX CONCURRENTLY orders_slowly ON {{tables.orders}} ({{schema}}.slowly(id));"
        f"{_MARK}('5');"
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS orders_state ON {{tables.orders}} (state, id);",
        "0006_slow.sql": f"CREATE TABLE {{{{tables.slow}}}} (id int); SELECT pg_sleep({slow}); {_MARK}('6');",
        "0007_procedure.sql": _FILL_NOTES.replace("SLEEP", "0.02"),
        "0008_fill_notes.sql": f"{OUTSIDE}CALL {{{{schema}}}}.fill_notes(); {_MARK}('8');",
        "0009_rebuild_indexes.sql": f"{OUTSIDE}REINDEX INDEX CONCURRENTLY {{{{tables.orders_slowly}}}};"
        f"VACUUM {{{{tables.orders}}}}; {_MARK}('9');"
        "DROP INDEX CONCURRENTLY {{tables.orders_state}};",
        "0010_require_notes.sql": "-- poolhouse: isolate\nALTER TABLE {{tables.orders}} ALTER COLUMN note SET NOT NULL;"
        f"{_MARK}('10');",
        "0011_index_notes.sql": f'{OUTSIDE}CREATE INDEX CONCURRENTLY "Orders/note" ON {{{{tables.orders}}}} (note);',
        "0012_slow_ledger.sql": _SLOW_LEDGER,
        "0013_mark_often.sql": OUTSIDE + "".join(f"{_MARK}('13.{number}');" for number in range(20)),
        "R_open_orders.sql": _view("id, note, stage"),
    }
    audit = {
        "0001_create_entries.sql": "-- poolhouse: depends: shop/0002\n"
        "CREATE TABLE {{tables.entries}} (order_id int REFERENCES shop.orders, at timestamptz NOT NULL);",
        "0002_index_entries.sql": f"{OUTSIDE}CREATE UNIQUE INDEX CONCURRENTLY entries_once "
        "ON {{tables.entries}} (order_id, at);",
        "0003_add_reason.sql": "ALTER TABLE {{tables.entries}} ADD COLUMN reason text;",
    }
    # Two modules that share a schema, which both want to create.
    bills = {
        "0001_create_bills.sql": "CREATE TABLE {{tables.bills}} (id int PRIMARY KEY, due date NOT NULL);"
        "INSERT INTO {{tables.bills}} SELECT number, '2030-01-01'::date + number FROM generate_series(1, 50) AS number;"
        + slowly,
        "0002_index_due.sql": f"{OUTSIDE}CREATE INDEX CONCURRENTLY bills_slowly "
        "ON {{tables.bills}} ({{schema}}.slowly(id));",
        "0003_add_currency.sql": "ALTER TABLE {{tables.bills}} ADD COLUMN currency text NOT NULL DEFAULT 'EUR';",
    }
    refunds = {
        "0001_create_refunds.sql": "CREATE TABLE {{tables.refunds}} (id int PRIMARY KEY); SELECT pg_sleep(0.05);",
        "0002_add_reason.sql": "ALTER TABLE {{tables.refunds}} ADD COLUMN reason text;",
    }
    return [
        Module("shop", "shop", shop, 6, {"R_open_orders.sql": _view("id")}),
        Module("audit", "audit", audit, 2),
        Module("bills", "billing", bills, 1),
        Module("refunds", "billing", refunds, 2),
    ]


def modules_of_branches(count: int) -> list[Module]:
    """Return the modules of an application that has a schema for each of so many branches."""
    shop = {"0001_create_marks.sql": _MARKS}
    sales = {
        "0001_create_orders.sql": _ORDERS.replace("ROWS", "10") + _MARK_BRANCH.format(1),
        "0002_add_stage.sql": "CREATE TYPE {{schema}}.stage AS ENUM ('new', 'sent');"
        "ALTER TABLE {{tables.orders}} ADD COLUMN stage {{schema}}.stage NOT NULL DEFAULT 'new';"
        + _SLOWLY.replace("ROW", "0.002"),
        "0003_index_orders.sql": f"{OUTSIDE}CREATE UNIQUE INDEX CONCURRENTLY orders_slowly "
        f"ON {{{{tables.orders}}}} ({{{{schema}}}}.slowly(id));{_MARK_BRANCH.format(3)}",
        "0004_mark.sql": _MARK_BRANCH.format(4),
        "0005_procedure.sql": _FILL_NOTES.replace("SLEEP", "0.001"),
        "0006_fill_notes.sql": f"{OUTSIDE}CALL {{{{schema}}}}.fill_notes();{_MARK_BRANCH.format(6)}",
        "0007_require_notes.sql": "ALTER TABLE {{tables.orders}} ALTER COLUMN note SET NOT NULL;"
        + _MARK_BRANCH.format(7),
        "R_open_orders.sql": _view("id, note, stage"),
    }
    schemas = tuple(f"branch_{number:03}" for number in range(count))
    return [
        Module("shop", "shop", shop, 1),
        Module("sales", "shop", sales, 2, {"R_open_orders.sql": _view("id")}, schemas),
    ]


def before(modules: list[Module]) -> list[Module]:
    """Return the modules as the release before this one had them."""
    return [
        each._replace(files=dict([*each.files.items()][: each.count_of_old]) | each.others_of_old) for each in modules
    ]


def ahead_of_old(modules: list[Module]) -> list[str]:
    """Return what the release before this one finds in the database that it has no files of."""
    return [
        f"{schema}.{each.name}/{int(name[:4])}"
        for each in modules
        for schema in each.schemas or [each.schema]
        for name in [*each.files][each.count_of_old :]
        if not name.startswith("R_")
    ]


def branch(modules: list[Module], name: str) -> list[Module]:
    """Return the modules as they are in a branch which goes on from here, and takes the next version for its own."""
    shop, *others = modules
    files = {**shop.files, f"0014_create_{name}.sql": f"CREATE TABLE {{{{tables.{name}}}}} (id int);"}
    return [shop._replace(files=files), *others]
