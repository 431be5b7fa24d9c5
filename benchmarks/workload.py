"""The tables that services work on, and tasks that work on them at the same time."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from benchmarks.servers import execute

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Operation = Callable[[int], Awaitable[object]]

ROWS = 1_000
TASKS = 20

# Templates, for us and for pgdbm.
READ = "SELECT id, value FROM {{tables.rows}} WHERE id = $1"
READ_100 = "SELECT id, value FROM {{tables.rows}} WHERE id BETWEEN $1 AND $1 + 99 ORDER BY id"
INSERT = "INSERT INTO {{tables.entries}} (value) VALUES ($1)"
UPDATE = "UPDATE {{tables.rows}} SET value = value + 1 WHERE id = $1"


def written_out(template: str, schema: str) -> str:
    """What a user writes who has no templates."""
    return template.replace("{{tables.", f'"{schema}"."').replace("}}", '"')


async def create_tables(dsn: str, schemas: Sequence[str]) -> None:
    statements = [
        "CREATE SCHEMA {schema}; CREATE TABLE {schema}.rows (id int PRIMARY KEY, value int NOT NULL)",
        "CREATE TABLE {schema}.entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, value int NOT NULL)",
        f"INSERT INTO {{schema}}.rows SELECT number, number FROM generate_series(1, {ROWS}) AS number",
    ]
    created = ["; ".join(statements).format(schema=schema) for schema in schemas]
    await execute(dsn, *created, "VACUUM ANALYZE", "CHECKPOINT")


async def per_second(operation: Operation, *, count: int, tasks: int = TASKS) -> float:
    """How many operations are done in a second by tasks that do one after the other, each with keys of its own."""

    async def work(task: int) -> None:
        keys = random.Random(task)
        for _ in range(count // tasks):
            await operation(task + 1 + tasks * keys.randrange((ROWS - 100) // tasks))

    begun = time.perf_counter()
    await asyncio.gather(*map(work, range(tasks)))
    return count / (time.perf_counter() - begun)
