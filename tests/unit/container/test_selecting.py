"""A provider, or a container, for each profile: judged in all of them, started in one."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import pytest
from dependency_injector import providers

from poolhouse.container import Container, LifecycleState
from poolhouse.container.plan import plan_start
from poolhouse.errors import ContainerError, LifecycleError
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import ApplicationSettings, DatabaseSettings, Profile


@runtime_checkable
class Gateway(Protocol):
    def charge(self) -> str: ...


class Sandbox:
    def charge(self) -> str:
        return "pretended"


class Bank:
    def __init__(self, line: object = None) -> None:
        self.line = line

    def charge(self) -> str:
        return "charged"


class Payments:
    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway


def settings_in(profile):
    return ApplicationSettings(_env_file=None, profile=profile, database={"dsn": "postgresql://nowhere.invalid/"})


def by_profile(settings, *, here, there):
    return providers.Selector(settings.provided.profile, development=here, test=here, staging=there, production=there)


def of(kind, profile):
    return kind(settings=providers.Object(settings_in(profile)))


def opened(container):
    plan = plan_start(container)
    return [each.name for each in (*plan.before, *plan.after)]


def faults_of(container):
    with pytest.raises(ContainerError) as caught:
        container.validate()
    return [str(violation) for violation in caught.value.violations]


# What is started


def with_gateways(handle):
    class Application(Container):
        settings = providers.Dependency(instance_of=ApplicationSettings)
        clock = providers.Resource(handle, "clock")
        line = providers.Resource(handle, "line", clock)
        gateway = by_profile(
            settings,
            here=providers.Factory(Sandbox),
            there=providers.Factory(Bank, line),
        )
        payments = providers.Factory(Payments, gateway)
        ticking = providers.List(clock)

    return Application


@pytest.mark.parametrize(
    ("profile", "started", "said"),
    [
        ("development", ["clock"], "pretended"),
        ("test", ["clock"], "pretended"),
        ("staging", ["clock", "line"], "charged"),
        ("production", ["clock", "line"], "charged"),
    ],
)
async def test_only_what_the_profile_has_selected_is_started(handle, journal, profile, started, said):
    async with of(with_gateways(handle), profile) as application:
        assert journal == [f"open {name}" for name in started]
        assert application.payments().gateway.charge() == said
        assert application.resolve(application.payments).gateway.charge() == said
    assert application.state is LifecycleState.STOPPED


def test_what_others_need_as_well_is_started_in_every_profile(handle):
    class Application(Container):
        settings = providers.Dependency(instance_of=ApplicationSettings)
        line = providers.Resource(handle, "line")
        gateway = by_profile(settings, here=providers.Factory(Sandbox), there=providers.Factory(Bank, line))
        other = providers.Resource(handle, "other", line)

    assert opened(of(Application, "test")) == ["line", "other"]


def test_what_is_in_a_container_with_a_name_is_started_in_every_profile(handle):
    class Users(Container):
        cache = providers.Resource(handle, "cache")
        service = providers.Factory(Bank, cache)

    class Application(Container):
        settings = providers.Dependency(instance_of=ApplicationSettings)
        users = providers.Container(Users)
        gateway = by_profile(settings, here=providers.Factory(Sandbox), there=users.service)

    assert opened(of(Application, "test")) == ["users.cache"]


def test_a_resource_that_is_no_branch_of_anything_is_started_in_every_profile(handle):
    class Application(Container):
        settings = providers.Dependency(instance_of=ApplicationSettings)
        gateway = by_profile(
            settings, here=providers.Resource(handle, "here"), there=providers.Resource(handle, "there")
        )
        lonely = providers.Resource(handle, "lonely")

    assert opened(of(Application, "test")) == ["gateway.development", "lonely"]
    assert opened(of(Application, "production")) == ["gateway.staging", "lonely"]


async def test_what_was_not_selected_cannot_be_used_by_mistake(journal):
    def open_line():
        journal.append("open")
        yield "line"

    class Application(Container):
        settings = providers.Dependency(instance_of=ApplicationSettings)
        line = providers.Resource(open_line)
        gateway = by_profile(settings, here=providers.Factory(Sandbox), there=providers.Factory(Bank, line))

    async with of(Application, "test") as application:
        for use in (application.line, application.gateway.production, application.resolver(application.line)):
            with pytest.raises(LifecycleError, match="resource line"):
                use()
        assert journal == []
    async with of(Application, "production") as application:
        assert application.gateway().line == "line"


async def test_what_was_not_selected_is_started_with_what_overrides_it(handle, journal):
    async with of(with_gateways(handle), "test") as application:
        async with application.overriding(application.line, providers.Resource(handle, "another line")):
            assert journal[-1] == "open another line"
        assert journal[-1] == "close another line"


async def test_the_choice_is_that_of_the_settings_that_are_in_force_at_the_start(handle, journal):
    application = of(with_gateways(handle), "test")
    with application.settings.override(providers.Object(settings_in("production"))):
        async with application:
            assert journal == ["open clock", "open line"]


async def test_a_selector_can_be_overridden_as_a_whole(handle, journal):
    application = of(with_gateways(handle), "production")
    with application.gateway.override(providers.Factory(Sandbox)):
        async with application:
            assert application.payments().gateway.charge() == "pretended"


async def test_what_only_a_start_can_tell_starts_everything(handle, journal):
    async def ask():
        return "bank"

    class Application(Container):
        asked = providers.Resource(ask)
        line = providers.Resource(handle, "line")
        gateway = providers.Selector(asked, bank=providers.Factory(Bank, line), sandbox=providers.Factory(Sandbox))

    async with Application() as application:
        assert journal == ["open line"]
        assert application.gateway().charge() == "charged"


def test_selectors_in_what_was_not_selected_start_nothing(handle):
    class Application(Container):
        settings = providers.Dependency(instance_of=ApplicationSettings)
        inner = providers.Resource(handle, "inner")
        other = by_profile(settings, here=providers.Factory(Bank, inner), there=providers.Factory(Sandbox))
        outer = by_profile(settings, here=providers.Factory(Sandbox), there=providers.Factory(Bank, other))

    assert opened(of(Application, "test")) == []
    assert opened(of(Application, "production")) == []


# Containers


def shop_with(handle, folder, *, schema="payments"):
    class Real(Container):
        pool = providers.Dependency(instance_of=SharedPool)
        db = providers.Factory(SchemaManager, pool, schema="payments")
        migrations = providers.Factory(MigrationSet, db, folder / "real", module="payments")
        worker = providers.Resource(handle, "worker", db)
        service = providers.Factory(Bank, db)

    class Fake(Container):
        pool = providers.Dependency(instance_of=SharedPool)
        db = providers.Factory(SchemaManager, pool, schema=schema)
        migrations = providers.Factory(MigrationSet, db, folder / "fake", module="payments")
        service = providers.Factory(Sandbox)

    class Application(Container):
        settings = providers.Dependency(instance_of=ApplicationSettings)
        pool = providers.Resource(SharedPool, settings.provided.database)
        payments = by_profile(
            settings, here=providers.Container(Fake, pool=pool), there=providers.Container(Real, pool=pool)
        )
        orders = providers.Factory(Payments, payments.provided.service.call())

    return Application


@pytest.fixture
def folder(tmp_path):
    for name in ("real", "fake"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0001_begin.sql").write_text("SELECT 1;")
    return tmp_path


def test_of_containers_only_the_one_that_is_selected_is_started_and_migrated(handle, folder):
    plan = plan_start(of(shop_with(handle, folder), "production"))
    assert [each.name for each in plan.after] == ["payments.staging.worker"]
    assert [each.directory.name for each in plan.migrations] == ["real"]
    plan = plan_start(of(shop_with(handle, folder), "test"))
    assert (plan.after, [each.directory.name for each in plan.migrations]) == ((), ["fake"])


def test_containers_for_several_profiles_may_have_the_same_schema_and_module(handle, folder):
    for profile in Profile:
        application = of(shop_with(handle, folder), profile)
        assert application.validate() == ()
        assert isinstance(application.orders().gateway, Bank if profile in {"staging", "production"} else Sandbox)


def test_a_container_that_is_selected_is_a_part_of_the_one_that_selects_it(handle, folder):
    application = of(shop_with(handle, folder), "production")
    assert application.payments().state is LifecycleState.NEW
    assert application.payments()._governing() is application._governing()


async def test_a_container_that_is_selected_is_not_started_alone(handle, folder):
    with pytest.raises(LifecycleError, match="part of another container"):
        await of(shop_with(handle, folder), "production").payments().init_resources()


# What is judged


def test_every_branch_is_judged_and_in_every_profile(folder, handle):
    class Rude:
        pass

    class Broken(Container):
        pool = providers.Dependency(instance_of=SharedPool)
        missing = providers.Dependency()
        db = providers.Factory(SchemaManager, pool, schema="payments")
        migrations = providers.Factory(MigrationSet, db, folder / "nowhere")
        service = providers.Factory(Bank, missing)

    class Application(Container):
        settings = providers.Dependency(instance_of=ApplicationSettings)
        pool = providers.Resource(SharedPool, settings.provided.database)
        rude = by_profile(settings, here=providers.Factory(Sandbox), there=providers.Factory(Rude))
        payments = providers.Factory(Payments, rude)
        broken = providers.Selector(
            settings.provided.profile,
            development=providers.Object(None),
            prodution=providers.Container(Broken, pool=pool),
        )

    for profile in Profile:
        faults = "\n".join(faults_of(of(Application, profile)))
        assert "Rude from rude.staging: it has no method charge() (payments -> rude.staging)" in faults
        assert "the dependency broken.prodution.missing is not filled" in faults
        assert "broken has a provider for 'prodution', which is no profile. Did you mean 'production'?" in faults
        assert "broken has no provider for test, staging, production" in faults
        assert "nowhere: there is no such folder" in faults


def test_what_fills_a_port_is_judged_in_every_branch():
    class Orders(Container):
        gateway = providers.Dependency(instance_of=Gateway)

    class Application(Container):
        settings = providers.Dependency(instance_of=ApplicationSettings)
        chosen = by_profile(settings, here=providers.Factory(Sandbox), there=providers.Factory(DatabaseSettings))
        orders = providers.Container(Orders, gateway=chosen)

    [fault] = faults_of(of(Application, "test"))
    assert "orders.gateway has to be Gateway, and gets a DatabaseSettings" in fault


def test_two_services_that_are_in_force_at_once_cannot_have_one_schema(handle, folder):
    shop = shop_with(handle, folder)

    class Application(shop):
        others = by_profile(
            shop.settings,
            here=providers.Object(None),
            there=providers.Factory(SchemaManager, shop.pool, schema="payments"),
        )

    application = of(Application, "test")
    [fault] = faults_of(application)
    assert "the schema 'payments' is claimed by more than one service: payments.staging and the application" in fault


def test_several_managers_of_a_service_may_be_chosen_among():
    class Application(Container):
        settings = providers.Dependency(instance_of=ApplicationSettings)
        pool = providers.Resource(SharedPool, settings.provided.database)
        db = providers.Factory(SchemaManager, pool, schema="shop")
        reader = by_profile(settings, here=db, there=providers.Factory(SchemaManager, pool, schema="shop"))

    for profile in Profile:
        application = of(Application, profile)
        assert application.validate() == ()
        assert application.db() in plan_start(application).managers


def test_a_selector_of_something_else_than_the_profile_needs_only_what_is_chosen():
    class Application(Container):
        mode = providers.Object("fast")
        clock = providers.Selector(mode, fast=providers.Object(1), slow=providers.Object(2))

    assert Application().validate() == ()
    [fault] = faults_of(Application(mode=providers.Object("fas")))
    assert "clock has no provider 'fas'. Did you mean 'fast'?" in fault


def test_settings_that_cannot_be_made_keep_no_selector_from_being_judged(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    class Settings(ApplicationSettings):
        key: str

    class Application(Container):
        settings = providers.Singleton(Settings)
        gateway = providers.Selector(settings.provided.profile, production=providers.Factory(Sandbox))

    [fault] = faults_of(Application())
    assert "gateway has no provider for development, test, staging" in fault
