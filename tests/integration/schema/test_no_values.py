"""No parameter of a statement is ever part of an error."""

from __future__ import annotations

import datetime as dt
import traceback

import pytest

from poolhouse.errors import DatabaseError

CANARY = "c4n4ry"
HIDDEN = [
    ("unique violation", "INSERT INTO {{tables.items}} VALUES (1, $1), (1, $1)", CANARY),
    ("unique violation on the value", "INSERT INTO {{tables.names}} VALUES ($1), ($1)", CANARY),
    ("check violation", "INSERT INTO {{tables.checked}} VALUES ($1)", CANARY),
    ("domain", "SELECT $1::text::{{schema}}.short", CANARY),
    ("foreign key", "INSERT INTO {{tables.children}} VALUES ($1)", CANARY),
    ("not null", "INSERT INTO {{tables.items}} VALUES (NULL, $1)", CANARY),
    ("exclusion", "INSERT INTO {{tables.excluded}} VALUES ($1), ($1)", CANARY),
    ("partition", "INSERT INTO {{tables.parted}} VALUES ($1)", CANARY),
    ("too long", "INSERT INTO {{tables.narrow}} VALUES ($1)", CANARY),
    ("text as integer", "SELECT $1::text::int", CANARY),
    ("text with a line feed as integer", "SELECT $1::text::int", f"1\n{CANARY}"),
    ("text with quotes as integer", "SELECT $1::text::int", f'\'": {CANARY}"'),
    ("out of range with a line feed", "SELECT $1::text::int", "99999999994711\n"),
    ("out of range", "SELECT $1::text::int", "99999999994711"),
    ("wrong type for text", "SELECT $1::text", 4711),
    ("wrong type for integer", "SELECT $1::int", CANARY),
    ("too great for integer", "SELECT $1::int", 99999999994711),
    ("wrong type for numeric", "SELECT $1::numeric", CANARY),
    ("wrong type for uuid", "SELECT $1::uuid", CANARY),
    ("wrong type for inet", "SELECT $1::inet", CANARY),
    ("wrong type for date", "SELECT $1::date", CANARY),
    ("wrong type for an array", "SELECT $1::int[]", [CANARY]),
    ("wrong type for json", "SELECT $1::json", {CANARY: 1}),
    ("invalid json", "SELECT $1::text::json", f'{{"{CANARY}": }}'),
    ("invalid jsonb", "SELECT $1::jsonb", f'{{"a": {CANARY}}}'),
    ("invalid enum", "SELECT $1::text::{{schema}}.mood", CANARY),
    ("invalid enum by the driver", "SELECT $1::{{schema}}.mood", CANARY),
    ("invalid date", "SELECT $1::text::date", CANARY),
    ("date out of range", "SELECT make_date($1, 13, 45)", 4711),
    ("time zone", "SELECT now() AT TIME ZONE $1", CANARY),
    ("unit of time", "SELECT date_trunc($1, now())", CANARY),
    ("format of a date", "SELECT to_date($1, 'YYYY')", CANARY),
    ("NUL", "SELECT $1::text", f"{CANARY}\0"),
    ("lone surrogate", "SELECT $1::text", f"{CANARY}\ud800"),
    ("division", "SELECT 4711 / (length($1) - 6)", CANARY),
    ("table of that name", "SELECT ($1::text)::regclass", CANARY),
    ("type of that name", "SELECT ($1::text)::regtype", CANARY),
    ("role of that name", "SELECT ($1::text)::regrole", CANARY),
    ("function of that name", "SELECT ($1::text)::regproc", CANARY),
    ("schema of that name", "SELECT ($1::text)::regnamespace", CANARY),
    ("sequence of that name", "SELECT nextval($1::text)", CANARY),
    ("setting of that name", "SELECT set_config($1, 'x', false)", CANARY),
    ("value of a setting", "SELECT set_config('work_mem', $1, false)", CANARY),
    ("file of that name", "SELECT pg_read_file($1)", f"/{CANARY}"),
    ("text search", "SELECT ($1::text)::tsquery", f'{CANARY} & & "x'),
    ("path into json", "SELECT ($1::text)::jsonpath", f"{CANARY} ! x"),
    ("regular expression", "SELECT 'x' ~ $1", f"{CANARY}("),
    ("character", "SELECT chr($1)", 1_000_004_711),
    ("array literal", "SELECT ($1::text)::int[]", f"{{{CANARY}"),
    ("range literal", "SELECT ($1::text)::int4range", CANARY),
    ("range upside down", "SELECT int4range($1, 1)", 4711),
    ("encoding", "SELECT convert_to('x', $1)", CANARY),
    ("bytes in base64", "SELECT decode($1, 'base64')", CANARY + "!"),
    ("dynamic SQL", "SELECT {{schema}}.run($1)", CANARY),
    ("too many arguments", "SELECT 1", CANARY),
]


@pytest.fixture
async def tables(db):
    await db.execute("CREATE TABLE {{tables.names}} (name text PRIMARY KEY)")
    await db.execute("CREATE TABLE {{tables.checked}} (name text CHECK (length(name) < 3))")
    await db.execute("CREATE TABLE {{tables.children}} (name text REFERENCES {{tables.names}})")
    await db.execute("CREATE TABLE {{tables.narrow}} (name varchar(3))")
    await db.execute("CREATE TABLE {{tables.excluded}} (name text, EXCLUDE (name WITH =))")
    await db.execute("CREATE TABLE {{tables.parted}} (name text) PARTITION BY LIST (name)")
    await db.execute("CREATE DOMAIN {{schema}}.short AS text CHECK (length(value) < 3)")
    await db.execute("CREATE TYPE {{schema}}.mood AS ENUM ('good', 'bad')")
    await db.execute(
        "CREATE FUNCTION {{schema}}.run(name text) RETURNS void LANGUAGE plpgsql"
        " AS $$ BEGIN EXECUTE format('SELECT * FROM %I', name); END $$"
    )


def shown(error):
    fields = "".join(f"{name}={value!r}" for name, value in vars(error).items())
    return "".join([str(error), repr(error), repr(error.args), fields, *traceback.format_exception_only(error)])


def refuse_traces(error, argument):
    texts = shown(error), "".join(line for line in traceback.format_exception(error) if "Error" in line.split(" ")[0])
    for text in texts:
        assert CANARY not in text
        assert "4711" not in text
        assert repr(argument) not in text


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(("query", "argument"), [case[1:] for case in HIDDEN], ids=[case[0] for case in HIDDEN])
async def test_an_argument_shows_nowhere(db, query, argument):
    for use in (db.execute, db.fetch, db.fetchrow, db.fetchval):
        with pytest.raises(DatabaseError) as caught:
            await use(query, argument)
        refuse_traces(caught.value, argument)
    for use in (db.executemany, db.fetchmany):
        with pytest.raises(DatabaseError) as caught:
            await use(query, [(argument,)])
        refuse_traces(caught.value, argument)


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    ("table", "record"),
    [
        ("items", (CANARY, "x")),
        ("items", (1, 4711)),
        ("items", (99999999994711, "x")),
        ("items", (1, f"{CANARY}\0")),
        ("items", (1, f"{CANARY}\ud800")),
        ("items", (CANARY,)),
        ("narrow", (CANARY,)),
        ("checked", (CANARY,)),
        ("names", (dt.date(4711, 1, 1),)),
    ],
)
async def test_a_record_that_is_copied_shows_nowhere(db, table, record):
    with pytest.raises(DatabaseError) as caught:
        await db.copy_records_to_table(table, records=[record])

    refuse_traces(caught.value, record)


async def test_a_line_that_is_copied_shows_nowhere(db):
    async def lines():
        yield f"{CANARY}\tx\n".encode()

    with pytest.raises(DatabaseError) as caught:
        await db.copy_to_table("items", source=lines())

    refuse_traces(caught.value, CANARY)


async def test_what_a_function_raises_is_its_authors_own(db):
    await db.execute(
        "CREATE FUNCTION {{schema}}.fail(name text) RETURNS void LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'no \"%\" today', name; END $$"
    )

    with pytest.raises(DatabaseError, match='no "c4n4ry" today'):
        await db.execute("SELECT {{schema}}.fail($1)", CANARY)


@pytest.mark.parametrize(
    ("query", "fact"),
    [
        ("SELEC $1::text", 'syntax error at or near "SELEC"'),
        ("SELECT nothing, $1::text", 'column "nothing" does not exist'),
        ("SELECT $1::text FROM {{tables.missing}}", '.missing" does not exist'),
        ("SELECT $1::text FROM unknown.missing", 'relation "unknown.missing" does not exist'),
        ("SELECT missing($1::text)", "function missing(text) does not exist"),
        ("SELECT $1::text + 1", "operator does not exist: text + integer"),
        (
            "INSERT INTO {{tables.items}} VALUES ($1::text, 'x')",
            'column "id" is of type integer but expression is of type',
        ),
        ("SELECT $1::text::int", "invalid input syntax for type integer [SQLSTATE 22P02]"),
        ("SELECT ($1::text)::regclass", "relation … does not exist"),
    ],
)
async def test_what_the_statement_itself_says_stays_readable(db, query, fact):
    with pytest.raises(DatabaseError) as caught:
        await db.fetch(query, "x")

    assert fact in str(caught.value)


async def test_a_driver_error_says_what_was_expected(db):
    with pytest.raises(DatabaseError) as caught:
        await db.fetch("SELECT $1::text", 4711)

    assert "invalid input for query argument $1 (expected str, got int)" in str(caught.value)
