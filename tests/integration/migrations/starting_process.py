"""A process of an application that starts: migrates what each line of its input asks for, and says how it went.

A line is JSON: `{"dsn": …, "sets": [[schema, folder], …]}`. It answers "ready", then one line of JSON per line.
"""

from __future__ import annotations

import asyncio
import json
import sys

from poolhouse.migrations import MigrationSet, migrate
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings


async def start(dsn: str, sets: list[tuple[str, str]]) -> list[str]:
    settings = {"dsn": dsn, "min_size": 0, "max_size": 2, "application_name": "a starting process"}
    pool = SharedPool(DatabaseSettings.model_validate(settings))
    await pool.open()
    try:
        result = await migrate([MigrationSet(SchemaManager(pool, schema=schema), folder) for schema, folder in sets])
    finally:
        await pool.close()
    return [f"{report.module}/{version}" for report in result.reports for version in report.applied]


def answer(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    answer("ready")
    for line in sys.stdin:
        try:
            outcome = {"applied": asyncio.run(start(**json.loads(line)))}
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shall show it
            outcome = {"error": f"{type(error).__name__}: {error}"}
        answer(json.dumps(outcome))


if __name__ == "__main__":
    main()
