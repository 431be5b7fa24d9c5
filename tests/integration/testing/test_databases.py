from __future__ import annotations

import asyncio
import shutil
import time
import uuid
from pathlib import Path

import pytest

from containers.application import ApplicationContainer
from poolhouse.errors import ForeignDatabaseError, MigrationApplyError
from poolhouse.pool import SharedPool
from poolhouse.settings import DatabaseSettings, EmbeddedSettings, Profile
from poolhouse.testing.blueprint import Blueprint
from poolhouse.testing.databases import PREFIX, Databases, database_of, new_name
from poolhouse.testing.templates import Templates

ROOT = Path(__file__).parents[3]


@pytest.fixture
async def databases(postgres):
    databases = Databases(postgres)
    await databases.open()
    yield databases
    await databases.close()


@pytest.fixture
def templates(databases):
    return Templates(databases)


@pytest.fixture
def migrations(tmp_path, monkeypatch):
    """A folder of migrations that a test may change, in a project of its own."""
    shutil.copytree(ROOT / "migrations", tmp_path / "migrations")
    monkeypatch.chdir(tmp_path)
    # Else it would be that of the application's other tests.
    (tmp_path / "migrations/users/0002_mark.sql").write_text(f"COMMENT ON SCHEMA {{{{schema}}}} IS '{uuid.uuid4()}';\n")
    return tmp_path / "migrations"


@pytest.fixture
def blueprint(application_settings):
    def make(database):
        changes = {"database": database, "embedded": EmbeddedSettings(enabled=False)}
        return ApplicationContainer(settings=application_settings.model_copy(update=changes))

    return Blueprint(make, application_settings.database)


@pytest.fixture
async def clone(templates, databases, blueprint):
    """Clone what the migrations make, and return its name and that of its template."""
    cloned = []

    async def clone(templates=templates):
        subject = blueprint.read()
        name = database_of(await templates.clone(blueprint, subject))
        cloned.append(name)
        return name, f"{PREFIX}template_{subject.digest}"

    yield clone
    for name in cloned:
        await databases.drop(name)


async def exists(databases, name):
    return bool(await databases.fetchval("SELECT true FROM pg_database WHERE datname = $1", name))


async def test_the_same_migrations_have_one_template(databases, migrations, clone):
    (first, template), (second, other) = [await clone(), await clone()]
    assert first != second
    assert template == other
    oid = await databases.fetchval("SELECT oid FROM pg_database WHERE datname = $1", template)
    # Another process, which has to look.
    assert (await clone(Templates(databases)))[1] == template
    assert await databases.fetchval("SELECT oid FROM pg_database WHERE datname = $1", template) == oid


async def test_nobody_can_change_a_template(databases, migrations, clone):
    _, template = await clone()
    assert await databases.fetchval("SELECT NOT datallowconn FROM pg_database WHERE datname = $1", template)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "users/0003_more.sql").write_text("CREATE TABLE {{tables.more}} (id int);\n"),
        lambda folder: (folder / "users/0002_mark.sql").write_text("COMMENT ON SCHEMA {{schema}} IS 'other';\n"),
    ],
    ids=["a file", "a line"],
)
async def test_a_change_of_the_migrations_makes_another_and_drops_the_one_before(databases, migrations, clone, change):
    _, template = await clone()
    change(migrations)
    _, other = await clone()
    assert other != template
    assert not await exists(databases, template)


async def test_many_who_come_at_once_make_it_once(postgres, databases, migrations, clone):
    others = [Databases(postgres) for _ in range(4)]
    for each in others:
        await each.open()
    cloned = await asyncio.gather(*(clone(Templates(each)) for each in others))
    assert len({template for _, template in cloned}) == 1
    assert len({name for name, _ in cloned}) == 4
    for each in others:
        await each.close()


async def test_what_was_left_unfinished_is_made_anew(databases, migrations, clone, blueprint):
    unfinished = f"{PREFIX}template_{blueprint.read().digest}_new"
    await databases.create(unfinished)
    await clone()
    assert not await exists(databases, unfinished)


async def test_a_migration_that_fails_says_so_and_leaves_no_template(databases, migrations, clone, blueprint):
    (migrations / "users/0003_broken.sql").write_text("SELECT nothing FROM nowhere;\n")
    with pytest.raises(MigrationApplyError, match=r"0003_broken\.sql"):
        await clone()
    assert not await exists(databases, f"{PREFIX}template_{blueprint.read().digest}")


async def test_databases_of_killed_sessions_are_dropped_and_no_others(postgres, databases):
    old = f"{PREFIX}{int(time.time()) - 100 * 3600:08x}_{uuid.uuid4().hex[:12]}"
    young = new_name()
    foreign = f"theirs_{uuid.uuid4().hex[:8]}"
    for name in (old, young, foreign):
        await databases.create(name)
    another = Databases(postgres)
    await another.open()
    await another.close()
    assert [await exists(databases, name) for name in (old, young, foreign)] == [False, True, True]
    await databases.drop(young)
    await databases.execute(f"DROP DATABASE {foreign}")


async def test_a_database_that_is_not_a_test_s_is_not_dropped(databases, postgres):
    with pytest.raises(ForeignDatabaseError, match="was not made for tests"):
        await databases.drop(database_of(postgres))


@pytest.mark.parametrize(
    "make",
    [
        lambda _: ApplicationContainer(settings=_elsewhere()),
        lambda settings: ApplicationContainer(settings=settings, pool=SharedPool(_elsewhere().database)),
    ],
    ids=["settings", "pool"],
)
async def test_a_container_that_leads_elsewhere_is_not_started(make, application_settings):
    blueprint = Blueprint(lambda _: make(application_settings), DatabaseSettings())
    with pytest.raises(ForeignDatabaseError, match=r"nobody@127\.0\.0\.1:1/production: .*was not made for tests"):
        blueprint.migrated("postgresql://postgres@/poolhouse_test_x", {}, "x_")


def _elsewhere():
    from app.settings import Settings

    dsn = "postgresql://nobody:s3cret@127.0.0.1:1/production"
    return Settings(profile=Profile.TEST, database={"dsn": dsn})
