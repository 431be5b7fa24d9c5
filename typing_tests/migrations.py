"""Sets of migrations, what applying them says, and repairs."""

from collections.abc import Sequence
from pathlib import Path
from typing import assert_type

from poolhouse import MigrationSet, SchemaManager
from poolhouse.migrations import MigrationProgress, MigrationReport, MigrationResult, migrate
from poolhouse.migrations.repair import accept_checksum, mark_applied, mark_rolled_back, resume
from poolhouse.settings import MigrationMode


def made(db: SchemaManager) -> None:
    migrations = MigrationSet(db, Path("migrations/orders"), module="orders", out_of_order="apply")
    assert_type(migrations.db, SchemaManager)
    assert_type(migrations.directory, Path)
    assert_type(migrations.module, str)
    MigrationSet(db, "migrations/orders", schemas=["tenant_1", "tenant_2"], failure_limit=3)
    many = MigrationSet(db, "migrations/orders", schemas="SELECT name FROM {{tables.tenants}}")
    assert_type(many.schemas, tuple[str, ...] | str | None)
    assert_type(many.for_schema("tenant_1"), MigrationSet)
    assert_type(many.up_to(5), MigrationSet)


async def applied(sets: Sequence[MigrationSet]) -> None:
    assert_type(await sets[0].apply(timeout=5, contract=True), MigrationReport)
    result = await migrate(sets, mode="wait", progress=tell)
    assert_type(result, MigrationResult)
    assert_type(result.reports, tuple[MigrationReport, ...])
    assert_type(result.applied, int)
    assert_type(result.reports[0].version, int | None)
    assert_type(result.reports[0].applied, tuple[int, ...])
    assert_type(await migrate(sets, mode=MigrationMode.CHECK), MigrationResult)


def tell(progress: MigrationProgress) -> None:
    assert_type(progress.done, int)
    assert_type(progress.reports, tuple[MigrationReport, ...])


async def mended(migrations: MigrationSet) -> None:
    assert_type(await resume(migrations, 7), MigrationReport)
    assert_type(await mark_applied(migrations, 7), None)
    assert_type(await mark_rolled_back(migrations, 7, timeout=5), None)
    assert_type(await accept_checksum(migrations, 7), None)


# What is wrong


async def misused(db: SchemaManager, migrations: MigrationSet) -> None:
    MigrationSet("orders", "migrations/orders")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    MigrationSet(db, "migrations/orders", name="orders")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    MigrationSet(db, "migrations/orders", out_of_order="skip")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await migrate(migrations)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await migrate([migrations], progress=len)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await resume(migrations, "0007")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    migrations.module = "others"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
