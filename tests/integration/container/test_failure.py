"""Every resource of an application raises, in its start, in its shutdown, or in both."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from poolhouse.container import LifecycleState
from poolhouse.errors import AuthenticationError, DatabaseMissingError, MigrationApplyError, ServerUnavailableError

OPENING = ["server", "counting", "plain", "listening", "cache", "worker"]
CLOSING = ["worker", "cache", "listening", "counting", "server"]
SERVICES = {"counting", "plain", "listening", "cache", "worker"}


def full(name: str) -> str:
    return f"users.{name}" if name in SERVICES else name


def closed_after(name: str) -> list[str]:
    """What is closed when the start of `name` fails: what came before it; and a handle itself, half-open as it is."""
    begun = set(OPENING[: OPENING.index(name)])
    if name in {"server", "worker"}:
        begun.add(name)
    return [each for each in CLOSING if each in begun]


@pytest.mark.parametrize("name", OPENING)
async def test_a_resource_that_fails_to_start_undoes_the_start_and_is_named(bench, name):
    fault = ValueError("broken")
    bench.journal.faults[f"open {name}"] = fault
    application = bench.application()
    with pytest.raises(ValueError, match="broken") as caught:
        await application.init_resources()
    assert caught.value is fault
    assert fault.__notes__ == [f"while starting {full(name)}"]
    assert bench.journal.taken("close ") == closed_after(name)
    assert application.state is LifecycleState.STOPPED
    await bench.is_clean()


@pytest.mark.parametrize("name", CLOSING)
async def test_a_resource_that_fails_to_stop_is_named_and_skips_nothing(bench, name):
    fault = ValueError("stuck")
    bench.journal.faults[f"close {name}"] = fault
    application = bench.application()
    await application.init_resources()
    with pytest.raises(ExceptionGroup) as caught:
        await application.shutdown_resources()
    assert caught.value.exceptions == (fault,)
    assert fault.__notes__ == [f"while stopping {full(name)}"]
    assert bench.journal.taken("close ") == CLOSING
    assert application.state is LifecycleState.STOPPED
    await bench.is_clean()


async def test_all_failures_of_a_shutdown_are_raised_together_in_the_order_in_which_they_came(bench):
    faults = [ValueError(name) for name in CLOSING]
    bench.journal.faults.update({f"close {fault}": fault for fault in faults})
    application = bench.application()
    await application.init_resources()
    with pytest.raises(ExceptionGroup) as caught:
        await application.shutdown_resources()
    assert list(caught.value.exceptions) == faults
    await bench.is_clean()


@pytest.mark.parametrize("name", OPENING)
async def test_what_fails_while_a_start_is_undone_is_noted_on_the_error_of_the_start(bench, name):
    fault = ValueError("broken")
    bench.journal.faults.update({f"close {each}": KeyError(each) for each in CLOSING})
    bench.journal.faults[f"open {name}"] = fault
    with pytest.raises(ValueError, match="broken"):
        await bench.application().init_resources()
    undone = [f"and then, while stopping {full(each)}: KeyError('{each}')" for each in closed_after(name)]
    assert fault.__notes__ == [f"while starting {full(name)}", *undone]
    await bench.is_clean()


async def test_a_failure_in_a_start_and_in_the_next_one_does_not_keep_the_third_from_working(bench):
    application = bench.application()
    for name in ("cache", "server"):
        bench.journal.faults = {f"open {name}": ValueError(name)}
        with pytest.raises(ValueError, match=name):
            await application.init_resources()
    bench.journal.faults = {}
    async with application:
        assert await application.users.service().count() == 0
    await bench.is_clean()


async def test_a_migration_that_fails_undoes_the_start(bench):
    (bench.folder / "0003_wrong.sql").write_text("SELECT * FROM {{tables.missing}};")
    application = bench.application()
    with pytest.raises(MigrationApplyError) as caught:
        await application.init_resources()
    assert caught.value.__notes__ == ["while applying migrations"]
    assert bench.journal.taken("close ") == ["counting", "server"]
    await bench.is_clean()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (("postgres@", "nobody_at_all@"), AuthenticationError),
        (("/poolhouse_test_", "/no_"), DatabaseMissingError),
        (None, ServerUnavailableError),
    ],
)
async def test_a_pool_that_cannot_be_opened_undoes_the_start(bench, change, kind):
    dsn = bench.dsn.replace(*change) if change else "postgresql://postgres@127.0.0.1:1/postgres"
    application = bench.application(
        settings=bench.settings().model_copy(update={"dsn": SecretStr(dsn), "startup_timeout": 0.1})
    )
    with pytest.raises(kind) as caught:
        await application.init_resources()
    assert caught.value.__notes__ == ["while starting pool"]
    assert bench.journal.taken("close ") == ["counting", "server"] or bench.journal.taken("close ") == ["server"]
    await bench.is_clean()


async def test_an_error_in_the_block_is_raised_as_it_is_after_everything_was_stopped(bench):
    with pytest.raises(ValueError, match="of the block") as caught:
        async with bench.application():
            raise ValueError("of the block")
    assert not hasattr(caught.value, "__notes__")
    assert bench.journal.taken("close ") == CLOSING
    await bench.is_clean()


async def test_a_start_that_fails_has_no_report_even_after_one_that_succeeded(bench):
    application = bench.application()
    async with application:
        assert application.report is not None
    bench.journal.faults["open cache"] = ValueError("broken")
    with pytest.raises(ValueError, match="broken"):
        await application.init_resources()
    assert application.report is None
