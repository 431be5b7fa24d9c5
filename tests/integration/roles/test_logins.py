"""Roles established by logins that may do more, and less."""

from __future__ import annotations

import asyncio

import pytest

from poolhouse.errors import IdentifierError, ServiceRolesBusyError, ServiceRolesError
from poolhouse.migrations import migrate
from poolhouse.roles import establish_roles
from poolhouse.roles.establishing import _LOCK
from poolhouse.schema import SchemaManager
from tests.integration.moments import interrupt, until


@pytest.fixture
async def owning(bench):
    """Make a login that owns what it migrates, with more options: `await owning("app", "CREATEROLE")`."""

    async def owning(name, options=""):
        role = await bench.login(name, options)
        await bench.admin.execute(f'GRANT CREATE ON DATABASE {bench.prefix[:-1]} TO "{role}"')
        pool = await bench.pool(name)
        sets = [bench.users(pool), bench.orders(pool, reads=("users.accounts",))]
        await migrate(sets)
        return pool, sets

    return owning


async def can_take_on(pool, role):
    async with pool.lease("poolhouse") as lease, lease.connection.transaction():
        await lease.connection.execute(f'SET LOCAL ROLE "{role}"')
        return await lease.connection.fetchval("SELECT current_user::text") == role


async def test_a_login_that_may_create_roles_needs_nothing_else(bench, owning):
    pool, sets = await owning("app", "CREATEROLE")
    await establish_roles(sets)
    assert await can_take_on(pool, f"{bench.prefix}users")
    assert not await bench.is_denied("orders", "SELECT * FROM users.accounts")
    assert [each.statements for each in await establish_roles(sets, revoke=True)] == [(), ()]


async def test_a_login_that_may_not_is_told_the_sql_that_an_administrator_runs(bench, owning, tmp_path):
    pool, sets = await owning("app")
    with pytest.raises(ServiceRolesError, match="permission denied to create role") as caught:
        await establish_roles(sets)
    error = caught.value
    assert f"role '{bench.prefix}users' does not exist" in error.missing
    assert error.sql in str(error)
    assert await bench.roles() == []
    assert dict(pool.roles) == {}
    await bench.admin.execute(error.sql)
    assert [each.statements for each in await establish_roles(sets, mode="managed")] == [(), ()]
    assert [each.statements for each in await establish_roles(sets, mode="existing")] == [(), ()]
    assert await can_take_on(pool, f"{bench.prefix}orders")


async def test_an_owner_grants_what_is_missing_of_its_own_to_roles_that_exist(bench, owning):
    _, sets = await owning("app")
    for service in ("users", "orders"):
        await bench.admin.execute(
            f'CREATE ROLE "{bench.prefix}{service}"; GRANT "{bench.prefix}{service}" TO "{bench.prefix}app"'
        )
    assert all(each.statements for each in await establish_roles(sets))
    assert not await bench.is_denied("users", "DELETE FROM users.accounts")


async def test_existing_changes_nothing_and_tells_all_that_is_missing(bench, owning):
    _, sets = await owning("app", "SUPERUSER")
    with pytest.raises(ServiceRolesError, match="service_roles is 'existing'") as caught:
        await establish_roles(sets, mode="existing")
    assert await bench.roles() == []
    await bench.admin.execute(caught.value.sql)
    await establish_roles(sets, mode="existing")


async def test_who_waits_for_migrations_waits_for_existing_roles_too(bench, owning):
    """A job that deploys migrates first and establishes roles after it; replicas that look in between go on later."""
    _, sets = await owning("app", "SUPERUSER")
    replica = await bench.pool("app", service_roles="existing", migration_mode="wait")
    waiting = asyncio.create_task(establish_roles([bench.users(replica), bench.orders(replica)]))
    await until(lambda: replica.statistics().idle)
    assert not waiting.done()
    await establish_roles(sets)
    assert [each.statements for each in await waiting] == [(), ()]


async def test_waiting_for_existing_roles_ends_with_what_is_missing(bench, owning):
    await owning("app", "SUPERUSER")
    replica = await bench.pool("app", service_roles="existing", migration_mode="wait")
    with pytest.raises(ServiceRolesError, match="service_roles is 'existing'") as caught:
        await establish_roles([bench.users(replica)], timeout=0.2)
    assert f"role '{bench.prefix}users' does not exist" in caught.value.missing


async def test_off_does_nothing_at_all(bench, owning):
    pool, sets = await owning("app")
    await pool.close()
    assert await establish_roles(sets, mode="off") == ()
    assert dict(pool.roles) == {}


async def test_a_right_that_is_not_the_login_s_to_grant_is_no_success(bench, owning):
    _, sets = await owning("app", "CREATEROLE")
    app = f'"{bench.prefix}app"'
    await bench.admin.execute(f"CREATE TABLE users.others (id int); GRANT SELECT ON users.others TO {app}")
    with pytest.raises(ServiceRolesError, match="not all of the rights were this role's to grant") as caught:
        await establish_roles(sets)
    assert await bench.roles() == []
    await bench.admin.execute(caught.value.sql)
    assert [each.statements for each in await establish_roles(sets)] == [(), ()]


async def test_a_role_that_another_login_has_created_is_granted_where_the_server_lets_it(bench, owning):
    _, sets = await owning("app", "CREATEROLE")
    await establish_roles(sets)
    await bench.login("next", "CREATEROLE")
    pool = await bench.pool("next")
    parts = [SchemaManager(pool, schema="users")]
    if bench.version < 16:
        await establish_roles(parts)
    else:
        with pytest.raises(ServiceRolesError, match=f"cannot be taken on by '{bench.prefix}next'") as caught:
            await establish_roles(parts)
        await bench.admin.execute(caught.value.sql)
        await establish_roles(parts)
    assert await can_take_on(pool, f"{bench.prefix}users")


@pytest.mark.parametrize("mode", ["managed", "existing"])
async def test_a_role_with_all_rights_is_not_taken_for_a_service_s(bench, owning, mode):
    _, sets = await owning("app", "CREATEROLE")
    await bench.admin.execute(f'CREATE ROLE "{bench.prefix}users" SUPERUSER')
    with pytest.raises(ServiceRolesError, match="to whom nothing is denied"):
        await establish_roles(sets, mode=mode)


async def test_a_login_that_is_called_like_a_service_s_role_is_not_taken_for_it(bench, owning):
    _, sets = await owning("users", "CREATEROLE")
    with pytest.raises(ServiceRolesError, match="their names are taken") as caught:
        await establish_roles(sets)
    assert any("that the application logs in as" in each for each in caught.value.missing)
    assert await bench.roles() == []


async def test_a_role_that_has_the_login_s_rights_is_not_taken_for_a_service_s(bench, owning):
    _, sets = await owning("app", "CREATEROLE")
    await bench.admin.execute(f'CREATE ROLE "{bench.prefix}users"; GRANT "{bench.prefix}app" TO "{bench.prefix}users"')
    with pytest.raises(ServiceRolesError, match="or has all its rights"):
        await establish_roles(sets)


async def test_a_login_without_rights_needs_only_to_be_granted_the_roles(bench, owning):
    _, sets = await owning("app", "CREATEROLE")
    await establish_roles(sets)
    plain = await bench.login("plain")
    await bench.admin.execute(f'GRANT "{bench.prefix}users", "{bench.prefix}orders" TO "{plain}"')
    pool = await bench.pool("plain", service_roles="existing")
    reports = await establish_roles([bench.users(pool), bench.orders(pool, reads=("users.accounts",))])
    assert [each.statements for each in reports] == [(), ()]


async def test_what_migrates_by_another_login_lets_the_first_take_the_roles_on(bench, owning):
    await owning("app", "CREATEROLE")
    await bench.login("web")
    pool = await bench.pool("web", migration_dsn=bench.dsn_of("app"))
    sets = [bench.users(pool), bench.orders(pool)]
    await bench.admin.execute(f'GRANT USAGE ON SCHEMA poolhouse TO "{bench.prefix}web"')
    await bench.admin.execute(f'GRANT SELECT ON poolhouse.head, poolhouse.ledger TO "{bench.prefix}web"')
    await establish_roles(sets)
    assert await can_take_on(pool, f"{bench.prefix}users")
    await migrate([bench.users(pool, later="CREATE TABLE later (id int)")])
    assert not await bench.is_denied("users", "DELETE FROM users.later")
    assert [each.statements for each in await establish_roles(sets)] == [(), ()]


async def test_a_name_that_the_server_would_cut_is_refused(bench):
    pool = await bench.pool()
    with pytest.raises(IdentifierError, match="Shorten role_prefix, or the service's name"):
        await establish_roles([SchemaManager(pool, schema="s" * 60)])


async def test_sixteen_at_once_never_fail(bench, owning):
    pool, sets = await owning("app", "CREATEROLE")
    pools = [pool, *[await bench.pool("app") for _ in range(15)]]
    managers = [[SchemaManager(each, schema=one.db.schema, reads=one.db.reads) for one in sets] for each in pools]
    reports = await asyncio.gather(*map(establish_roles, managers))
    assert sum(any(each.statements for each in report) for report in reports) == 1


async def test_others_databases_of_the_cluster_never_make_it_fail(bench, server):
    names = [f"{bench.prefix}{number}" for number in range(4)]
    for name in names:
        await bench.admin.execute(f'CREATE DATABASE "{name}"')
    try:
        pools = [await bench.pool(dsn=bench.dsn.replace(bench.prefix[:-1], name, 1)) for name in names]
        managers = [[SchemaManager(pool, schema=f"s{number}") for number in range(5)] for pool in pools]
        for _ in range(3):
            await asyncio.gather(*map(establish_roles, managers))
            for role in await bench.roles():
                await bench.admin.execute(f'DROP ROLE "{bench.prefix}{role}"')
    finally:
        await bench.close()
        for name in names:
            await bench.admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


async def test_who_keeps_the_lock_is_waited_for_until_the_limit(bench, owning):
    pool, sets = await owning("app", "CREATEROLE")
    await bench.admin.execute("SELECT pg_advisory_lock($1)".replace("$1", str(_LOCK)))
    with pytest.raises(ServiceRolesBusyError, match="another process is establishing them"):
        await establish_roles(sets, timeout=0.05)
    waiting = asyncio.create_task(establish_roles(sets))
    while pool.statistics().services["poolhouse"].acquired < 6:  # noqa: ASYNC110 - the pool sends no event
        await asyncio.sleep(0.001)
    await bench.admin.execute("SELECT pg_advisory_unlock_all()")
    assert len(await waiting) == 2


async def test_a_call_cancelled_at_any_await_has_done_all_or_nothing(bench, owning):
    pool, sets = await owning("app", "CREATEROLE")
    was_interrupted, at = True, 0
    while was_interrupted:
        at += 1
        was_interrupted, _ = await interrupt(establish_roles(sets), at=at)
        made = await bench.roles()
        assert made in ([], ["orders", "users"])
        await until(lambda: pool.statistics().in_use == 0)
        if made:
            assert [each.statements for each in await establish_roles(sets)] == [(), ()]
            names = ", ".join(f'"{bench.prefix}{role}"' for role in made)
            await bench.admin.execute(f"DROP OWNED BY {names}; DROP ROLE {names}")
    assert at > 5
