"""The picture of a schema: what is in it, what is not, and what reading it does to the session."""

from __future__ import annotations

import asyncpg
import pytest

from poolhouse.migrations.catalogue import catalogue_of, compare, read_catalogue
from poolhouse.migrations.files import load_folder

from .conftest import EVERYTHING


@pytest.fixture
async def shop(everything):
    connection = await asyncpg.connect(everything[0])
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


@pytest.mark.parametrize("schema", ['My "odd" Schëma', "select", "users; --", "x" * 63])
async def test_the_same_files_make_equal_catalogues_of_differently_named_schemas(pool, everything, schema):
    loaded = load_folder(EVERYTHING, module="everything", schema=schema)
    assert await catalogue_of(loaded.files, pool, schema=schema) == everything[1]


async def test_a_missing_schema_has_no_entries(shop):
    assert (await read_catalogue(shop, "nowhere")).entries == ()


async def test_an_empty_schema_has_itself(shop):
    await shop.execute("CREATE SCHEMA bare")
    assert [entry.place for entry in (await read_catalogue(shop, "bare")).entries] == ["schema"]


async def test_other_schemas_do_not_matter(shop, everything):
    await shop.execute("CREATE SCHEMA other; CREATE TABLE other.orders (id int); CREATE TABLE public.orders (id int)")
    assert await read_catalogue(shop, "shop") == everything[1]


async def test_what_is_in_the_tables_does_not_matter(shop, everything):
    await shop.execute(
        "INSERT INTO shop.scratchpad VALUES ('x'); SELECT nextval('shop.tickets'); REFRESH MATERIALIZED VIEW shop.sums;"
        "CREATE TEMPORARY TABLE orders (id int)"
    )
    assert await read_catalogue(shop, "shop") == everything[1]


async def test_the_settings_of_the_session_neither_matter_nor_change(shop, everything):
    settings = {
        "search_path": "shop, public",
        "timezone": "Asia/Kathmandu",
        "quote_all_identifiers": "on",
        "jit": "on",
        "datestyle": "German, DMY",
    }
    for name, value in settings.items():
        await shop.fetch("SELECT set_config($1, $2, false)", name, value)
    assert await read_catalogue(shop, "shop") == everything[1]
    assert {name: await shop.fetchval(f"SHOW {name}") for name in settings} == settings


async def test_it_is_read_in_two_statements_however_much_there_is(shop):
    statements = []
    shop.add_query_logger(lambda query: statements.append(query.query))
    await read_catalogue(shop, "shop")
    assert len([each for each in statements if not each.startswith(("SAVEPOINT", "ROLLBACK"))]) == 2


async def test_it_can_be_read_where_nothing_can_be_written(everything):
    connection = await asyncpg.connect(everything[0], server_settings={"default_transaction_read_only": "on"})
    assert await read_catalogue(connection, "shop") == everything[1]
    await connection.close()


async def test_owners_are_told_on_demand(shop):
    assert "owner" not in {name for entry in (await read_catalogue(shop, "shop")).entries for name, _ in entry.aspects}
    expected = await read_catalogue(shop, "shop", owners=True)
    await shop.execute("ALTER TABLE shop.scratchpad OWNER TO pg_monitor; GRANT CREATE ON SCHEMA shop TO pg_monitor")
    found = compare(expected, await read_catalogue(shop, "shop", owners=True))
    me = await shop.fetchval("SELECT current_user")
    assert [str(each) for each in found] == [
        "schema: grants to pg_monitor CREATE, USAGE, expected USAGE",
        f"table scratchpad: owner pg_monitor, expected {me}",
    ]


async def test_another_owner_alone_is_no_difference_of_rights(shop, everything):
    await shop.execute(
        "ALTER TABLE shop.scratchpad OWNER TO pg_monitor; ALTER FUNCTION shop.stamp() OWNER TO pg_monitor"
    )
    assert compare(everything[1], await read_catalogue(shop, "shop")) == ()


async def test_rights_are_left_out_on_demand(shop):
    expected = await read_catalogue(shop, "shop", grants=False)
    await shop.execute(
        "REVOKE ALL ON shop.orders FROM pg_monitor; REVOKE UPDATE (note) ON shop.orders FROM pg_read_all_data;"
        "ALTER DEFAULT PRIVILEGES IN SCHEMA shop REVOKE ALL ON TABLES FROM pg_read_all_data"
    )
    assert await read_catalogue(shop, "shop", grants=False) == expected


async def test_an_extension_is_one_entry_and_its_members_are_none(shop):
    await shop.execute("CREATE SCHEMA bare; CREATE EXTENSION hstore SCHEMA bare")
    places = [entry.place for entry in (await read_catalogue(shop, "bare")).entries]
    assert places == ["extension hstore", "schema"]


async def test_the_order_of_columns_is_told_once(shop):
    await shop.execute("CREATE SCHEMA one; CREATE TABLE one.t (a int, b int, c int)")
    await shop.execute('CREATE SCHEMA two; CREATE TABLE two.t (c int, a int, "new" int, b int)')
    found = compare(await read_catalogue(shop, "one"), await read_catalogue(shop, "two"))
    assert [str(each) for each in found] == [
        "table t: column order c, a, b, expected a, b, c",
        "table t: column new: unexpected",
    ]


async def test_columns_that_were_dropped_in_between_leave_no_trace(shop):
    await shop.execute("CREATE SCHEMA one; CREATE TABLE one.t (a int, b int)")
    await shop.execute("CREATE SCHEMA two; CREATE TABLE two.t (a int, x int, b int); ALTER TABLE two.t DROP COLUMN x")
    assert await read_catalogue(shop, "one") == await read_catalogue(shop, "two")


async def test_what_is_named_like_a_thing_of_the_system_is_read_too(shop):
    await shop.execute(
        "CREATE SCHEMA one; CREATE TABLE one.pg_class (oid int, relname text); "
        "CREATE FUNCTION one.quote_ident(text) RETURNS text LANGUAGE sql AS $$ SELECT 'hijacked' $$"
    )
    places = [entry.place for entry in (await read_catalogue(shop, "one")).entries]
    assert places == [
        "function quote_ident(text)",
        "schema",
        "table pg_class",
        "table pg_class: column oid",
        "table pg_class: column relname",
    ]


@pytest.mark.parametrize(
    ("since", "change", "told"),
    [
        (
            18,
            "ALTER TABLE shop.scratchpad ADD CONSTRAINT filled NOT NULL line NOT VALID",
            ["table scratchpad: column line: nullability not null not valid, expected nullable"],
        ),
        (18, "ALTER TABLE shop.animals RENAME CONSTRAINT animals_name_not_null TO named", []),
        (
            18,
            "ALTER TABLE shop.orders ALTER CONSTRAINT orders_customer_fkey NOT ENFORCED",
            ["table orders: constraint orders_customer_fkey: definition differs"],
        ),
        (
            15,
            "ALTER VIEW shop.rich SET (security_invoker)",
            ["view rich: options security_barrier=true, security_invoker=true, expected security_barrier=true"],
        ),
        (
            17,
            "GRANT MAINTAIN ON shop.scratchpad TO pg_monitor",
            ["table scratchpad: grants to pg_monitor MAINTAIN, expected none"],
        ),
    ],
)
async def test_what_newer_servers_know_is_seen(shop, everything, since, change, told):
    if shop.get_server_version().major < since:
        pytest.skip(f"PostgreSQL {since}")
    await shop.execute(change)
    assert [str(each) for each in compare(everything[1], await read_catalogue(shop, "shop"))] == told
