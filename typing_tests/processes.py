"""The embedded server, the roles of services, and what a process logs."""

from contextlib import AbstractContextManager
from logging import Formatter
from typing import assert_type

from poolhouse import MigrationSet, SchemaManager
from poolhouse.embedded import EmbeddedPostgres
from poolhouse.logs import (
    JsonFormatter,
    LineFormatter,
    LogForm,
    LogLevel,
    LogSettings,
    current_request,
    in_request,
    set_up_logs,
)
from poolhouse.pool import Server
from poolhouse.roles import ExpectedRights, RoleReport, RoleStatus, establish_roles, expected_rights, role_status
from poolhouse.settings import EmbeddedSettings, ServiceRoles


async def embedded() -> None:
    postgres = EmbeddedPostgres(EmbeddedSettings())
    assert_type(await postgres.open(), None)
    assert_type(postgres.dsn, str | None)
    assert_type(postgres.version, str | None)
    assert_type(await postgres.close(), None)
    server: Server = EmbeddedPostgres(EmbeddedSettings())
    assert_type(server.dsn, str | None)


async def established(db: SchemaManager, migrations: MigrationSet) -> None:
    reports = await establish_roles([db, migrations], mode=ServiceRoles.MANAGED, revoke=True)
    assert_type(reports, tuple[RoleReport, ...])
    assert_type(reports[0].statements, tuple[str, ...])
    statuses = await role_status([db])
    assert_type(statuses, tuple[RoleStatus, ...])
    assert_type(statuses[0].is_taken, bool)
    expected = await expected_rights(db.pool, [db, migrations])
    assert_type(expected, ExpectedRights)
    assert_type(expected.roles, frozenset[str])


def logged() -> None:
    settings = LogSettings(form=LogForm.JSON, level=LogLevel.INFO)
    assert_type(set_up_logs(settings), None)
    context: AbstractContextManager[None] = in_request("7f3a")
    with context:
        assert_type(current_request(), str | None)
    formatters: list[Formatter] = [JsonFormatter(), LineFormatter()]
    assert_type(formatters, list[Formatter])


# What is wrong


async def misused(db: SchemaManager) -> None:
    LogSettings(form="xml")  # pyright: ignore[reportArgumentType]  # mypy leaves that to pydantic
    EmbeddedPostgres("data")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await establish_roles(db)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    in_request(7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
