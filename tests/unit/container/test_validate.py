"""Everything wrong with a container is told at once, and before anything is opened."""

from __future__ import annotations

import logging
import pickle
from contextlib import chdir
from pathlib import Path

import pytest
from dependency_injector import containers, providers

from poolhouse.container import Container, LifecycleState
from poolhouse.errors import ContainerError, LifecycleError, ProviderError
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings
from tests.unit.container import faulty_application
from tests.unit.container.faulty_application import FAULTS, FILES, close_circles


def faults_of(container, *asking, **options):
    with pytest.raises(ContainerError) as caught:
        container.validate(*asking, **options)
    return [str(each) for each in caught.value.violations]


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faulty")
    write(folder, FILES)
    application = faulty_application.ApplicationContainer()
    close_circles(application)
    with chdir(folder):
        yield application


@pytest.fixture(scope="module")
def told(faulty):
    return tuple(faults_of(faulty, faulty_application.router))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault[0])
def test_each_seeded_fault_is_told_once_with_its_place_and_a_remedy(told, fault):
    fact, place, remedy = fault
    matching = [each for each in told if fact in each and place in each.partition(": ")[0] and remedy in each]
    assert len(matching) == 1


def test_nothing_is_told_but_what_was_seeded(told):
    assert len(told) == len(FAULTS) >= 30


def test_every_fault_of_a_provider_names_its_file_and_line(told):
    file = faulty_application.__file__
    lines = Path(file).read_text().splitlines()
    placed = [each.partition(" ") for each in told if "ApplicationContainer." in each.partition(": ")[0]]
    assert len(placed) > 20
    for place, _, rest in placed:
        name = rest.partition(":")[0].rpartition(".")[2]
        line = lines[int(place.rpartition(":")[2]) - 1]
        assert place.startswith(file)
        assert line.strip().startswith(f"{name} = ") or (name == "wire" and line.startswith("class"))


def test_dependency_injector_finds_nothing_wrong_with_the_same_container(faulty):
    faulty.check_dependencies()


async def test_a_start_tells_the_same_but_the_files_and_routes_and_opens_nothing(faulty, told):
    with pytest.raises(ContainerError) as caught:
        await faulty.init_resources()
    by_routes = ("letters(", "nodes(", "tell(", "ApplicationContainer.unwritten")
    places = {each: each.partition(": ")[0] for each in told}
    wiring = [each for each, place in places.items() if ".py:" in place and not any(one in place for one in by_routes)]
    assert [str(each) for each in caught.value.violations] == wiring
    assert len(wiring) >= 30
    assert faulty.state is LifecycleState.STOPPED
    assert not faulty.pool().is_open


def test_the_error_keeps_its_parts_and_survives_pickling(faulty):
    with pytest.raises(ContainerError) as caught:
        faulty.validate()
    error = pickle.loads(pickle.dumps(caught.value))
    first = next(each for each in error.violations if "in a circle" in each.fact)
    assert error.container == "ApplicationContainer"
    assert isinstance(first, ProviderError)
    assert first.path == ("first", "second", "first")


def test_no_value_is_ever_shown():
    class Application(Container):
        service = providers.Singleton(faulty_application.Mailer, 4711, port="secret", more="secret")

    assert "secret" not in "".join(faults_of(Application()))
    assert "4711" not in "".join(faults_of(Application()))


class Users(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    db = providers.Factory(SchemaManager, pool, schema="users")
    service = providers.Factory(dict, db=db)


def test_a_dependency_that_nothing_fills_is_drawn_with_who_needs_it_and_told_what_would_fit():
    class Application(Container):
        main_pool = providers.Resource(SharedPool, DatabaseSettings())
        users = providers.Container(Users)

    [fault] = faults_of(Application())
    assert (
        "Application.users: the dependency users.pool is not filled (users.service -> users.db -> users.pool)" in fault
    )
    assert fault.endswith("Pass it where users is declared: pool=main_pool would fit")


def test_a_missing_port_is_told_which_provider_satisfies_it():
    class Orders(Container):
        accounts = providers.Dependency(instance_of=faulty_application.Accounts)

    class Application(Container):
        users = providers.Object(faulty_application.Users(None, None))
        clock = providers.Singleton(faulty_application.Clock)
        accounts = providers.Singleton(faulty_application.Users, None, clock)
        orders = providers.Container(Orders)

    assert any("accounts=accounts would fit" in each for each in faults_of(Application()))


def test_an_argument_that_may_come_with_the_call_is_not_missing():
    class Application(Container):
        mailers = providers.Factory(faulty_application.Mailer)
        handed = providers.Singleton(faulty_application.Node, mailers.provider)
        choice = providers.Selector(providers.Object("a"), a=providers.Factory(faulty_application.Mailer))

    assert Application().validate() == ()


def test_an_argument_is_missing_where_a_provider_calls_without_it():
    class Application(Container):
        mailer = providers.Factory(faulty_application.Mailer)
        node = providers.Factory(faulty_application.Node, mailer)

    [fault] = faults_of(Application())
    assert "called without its argument 'host' (node -> mailer)" in fault


def test_reads_and_limits_that_are_most_likely_mistyped_are_returned():
    class Application(Container):
        pool = providers.Object(SharedPool(DatabaseSettings(max_connections={"user": 2})))
        users = providers.Container(Users, pool=pool)
        db = providers.Factory(SchemaManager, pool, schema="reports", reads=["user.accounts", "legacy.customers"])

    reads, limit = Application().validate()
    assert reads.fact.startswith("db reads user.accounts, and no service has the schema 'user'")
    assert limit.fact.startswith("max_connections limits the service 'user', and no schema manager is of that one")
    assert reads.remedy == limit.remedy == "Did you mean 'users'?"


async def test_a_start_logs_what_may_be_wrong_and_goes_on(caplog):
    class Application(Container):
        pool = providers.Object(SharedPool(DatabaseSettings(max_connections={"user": 2})))
        users = providers.Container(Users, pool=pool)

    with caplog.at_level(logging.WARNING, "poolhouse.container"):
        async with Application():
            pass
    assert "limits the service 'user'" in caplog.text


async def test_a_start_leaves_the_contents_of_files_to_the_migrations(tmp_path):
    class Application(Container):
        pool = providers.Object(SharedPool(DatabaseSettings()))
        db = providers.Factory(SchemaManager, pool, schema="users")
        migrations = providers.Factory(MigrationSet, db, tmp_path, module="users")

    write(tmp_path, {"0001_a.sql": "COMMIT;"})
    application = Application()
    assert application.validate(files=False) == ()
    assert "COMMIT in a migration" in faults_of(application)[0]


def test_what_depends_on_a_module_that_cannot_be_read_is_not_called_missing(tmp_path):
    class Application(Container):
        pool = providers.Object(SharedPool(DatabaseSettings()))
        users = providers.Factory(SchemaManager, pool, schema="users")
        orders = providers.Factory(SchemaManager, pool, schema="orders")
        bills = providers.Factory(SchemaManager, pool, schema="bills")
        first = providers.Factory(MigrationSet, users, tmp_path / "users")
        second = providers.Factory(MigrationSet, orders, tmp_path / "orders")
        third = providers.Factory(MigrationSet, bills, tmp_path / "bills")

    depends = "-- poolhouse: depends: {}\nSELECT 1;"
    write(
        tmp_path,
        {
            "users/0001_a.sql": "COMMIT;",
            "orders/0001_a.sql": depends.format("users/0001"),
            "bills/0001_a.sql": depends.format("orders/0001"),
        },
    )
    [fault] = faults_of(Application())
    assert "COMMIT" in fault
    write(tmp_path, {"users/0001_a.sql": "SELECT 1;", "bills/0001_a.sql": depends.format("order/0001")})
    [fault] = faults_of(Application())
    assert "no module 'order' is migrated with it" in fault


def test_what_a_provider_raises_is_told_by_its_class_and_without_its_message(tmp_path):
    def settings():
        raise ValueError("postgresql://user:secret@host")

    class Application(Container):
        pool = providers.Resource(SharedPool, providers.Singleton(settings))
        db = providers.Factory(SchemaManager, pool, schema="users")

    [fault] = faults_of(Application())
    assert "making db raised ValueError" in fault
    assert "secret" not in fault


def test_a_stand_in_of_any_class_is_let_through_where_no_dependency_says_its_class():
    class Application(Container):
        clock = providers.Singleton(faulty_application.Clock)
        service = providers.Singleton(faulty_application.Users, None, clock)

    with pytest.raises(ContainerError, match="'db' of Users is to be SchemaManager, and gets None"):
        Application().validate()
    application = Application(clock=providers.Object("a fake"), service=providers.Object("a fake"))
    assert application.validate() == ()


def test_overrides_are_judged_as_they_are_in_force():
    class Application(Container):
        pool = providers.Resource(SharedPool, DatabaseSettings())
        users = providers.Container(Users, pool=pool)

    application = Application()
    with application.users.service.override(providers.Factory(faulty_application.Mailer, "a", "b", "c")):
        assert any("are given" in each for each in faults_of(application))
    assert application.validate() == ()


def test_validating_leaves_a_container_as_it_was():
    class Application(Container):
        pool = providers.Resource(SharedPool, DatabaseSettings())
        users = providers.Container(Users, pool=pool)
        opened = providers.Resource(lambda: 1)

    application = Application()
    assert application.validate() == ()
    assert application.state is LifecycleState.NEW
    with pytest.raises(LifecycleError):
        application.opened()


def test_a_part_can_be_validated_alone():
    class Application(Container):
        pool = providers.Resource(SharedPool, DatabaseSettings())
        users = providers.Container(Users, pool=pool)

    assert Application().users.validate() == ()


def test_containers_of_dependency_injector_itself_are_read_as_well():
    class Inner(containers.DeclarativeContainer):
        mailer = providers.Singleton(faulty_application.Mailer)

    class Application(Container):
        inner = providers.Container(Inner)

    [fault] = faults_of(Application())
    assert "Inner.mailer: Mailer is called without its argument 'host'" in fault


def test_a_class_of_containers_of_another_kind_may_have_providers_too():
    class Kind(Container.instance_type):
        pass

    class Application(Container):
        instance_type = Kind
        mailer = providers.Singleton(faulty_application.Mailer, host="localhost")

    assert Application().validate() == ()
