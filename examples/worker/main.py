"""A worker without HTTP: jobs in a table, done by as many processes as are started. `python -m examples.worker.main`.

Whoever has a job adds it, in a transaction of the service if need be; a notification wakes the workers when that is
committed. A job is done in the transaction that takes it out of the table, so that a worker that is killed leaves it to
another one, and a worker that is stopped finishes the one it has begun.
"""

import logging
import sys
from pathlib import Path
from typing import Protocol

from dependency_injector import providers
from pydantic_settings import SettingsConfigDict

from poolhouse import ApplicationSettings, Container, EmbeddedPostgres, MigrationSet, SchemaManager, SharedPool
from poolhouse.container import BackgroundTask, run, run_until_stopped, uninterrupted

HERE = Path(__file__).parent


class Settings(ApplicationSettings):
    """`WORKER_DATABASE__DSN` says where the jobs are."""

    model_config = SettingsConfigDict(env_prefix="WORKER_")


class Craft(Protocol):
    """What a worker knows how to do."""

    async def do(self, job: str) -> None:
        """Do a job."""
        ...


class Saying:
    """The craft of saying what is to be said."""

    async def do(self, job: str) -> None:
        """Print the job."""
        print(job, flush=True)  # noqa: T201 - it is all that this craft does


class Jobs:
    """Takes jobs, and gets them done."""

    def __init__(self, db: SchemaManager, craft: Craft) -> None:
        self._db = db
        self._craft = craft

    async def add(self, job: str) -> None:
        """Take a job; it is begun when the transaction around this is committed."""
        await self._db.execute(
            "WITH added AS (INSERT INTO {{tables.jobs}} (job) VALUES ($1)) SELECT pg_notify('jobs', '')", job
        )

    async def work(self) -> None:
        """Do all jobs that there are, and then each that is added."""
        async with self._db.listen("jobs") as notifications:
            await self._do_all()
            async for _ in notifications:
                await self._do_all()

    async def _do_all(self) -> None:
        while True:
            with uninterrupted():
                if not await self._do_next():
                    return

    async def _do_next(self) -> bool:
        async with self._db.transaction():
            row = await self._db.fetchrow(
                """
                DELETE FROM {{tables.jobs}} WHERE id = (
                    SELECT id FROM {{tables.jobs}} ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1
                ) RETURNING job
                """
            )
            if row is not None:
                await self._craft.do(row["job"])
        return row is not None


class WorkerContainer(Container):
    """The jobs, and a task that works on them as long as the container is started."""

    settings = providers.Singleton(Settings)
    server = providers.Resource(EmbeddedPostgres, settings.provided.embedded)
    pool = providers.Resource(SharedPool, settings.provided.database, server=server)
    craft = providers.Singleton(Saying)
    db = providers.Factory(SchemaManager, pool, schema="jobs")
    migrations = providers.Factory(MigrationSet, db, HERE / "migrations" / "jobs")
    jobs = providers.Factory(Jobs, db, craft)
    work = providers.Resource(BackgroundTask, jobs.provided.work)


async def main() -> None:
    """Work until a signal comes."""
    await run_until_stopped(WorkerContainer(), started=lambda: print("working", flush=True))  # noqa: T201 - for a person


if __name__ == "__main__":
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    sys.exit(run(main))
