"""Queries in files of their own, loaded by aiosql: `python -m examples.query_files.main`.

aiosql's asyncpg driver takes a SchemaManager where it takes a pool, so the queries in `queries/notes.sql` are templates
like any others, and transactions of the manager hold for them too.
"""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# aiosql leaves some of its types out.

import asyncio
from pathlib import Path
from typing import Any

import aiosql
from dependency_injector import providers

from poolhouse import ApplicationSettings, Container, EmbeddedPostgres, MigrationSet, SchemaManager, SharedPool

HERE = Path(__file__).parent


class Notes:
    """Writes notes and finds them again."""

    def __init__(self, db: SchemaManager, queries: Any) -> None:
        self._db = db
        self._queries = queries

    async def write(self, *texts: str) -> list[int]:
        """Write all of the notes or none, and return their ids."""
        async with self._db.transaction():
            return [await self._queries.write(self._db, text=text) for text in texts]

    async def find(self, word: str) -> list[str]:
        """Return the notes that have a word in them, the newest first."""
        return [note["text"] async for note in self._queries.find(self._db, pattern=f"%{word}%")]


class NotesContainer(Container):
    """One service, and the queries that it was written with."""

    settings = providers.Singleton(ApplicationSettings)
    server = providers.Resource(EmbeddedPostgres, settings.provided.embedded)
    pool = providers.Resource(SharedPool, settings.provided.database, server=server)
    db = providers.Factory(SchemaManager, pool, schema="notes")
    migrations = providers.Factory(MigrationSet, db, HERE / "migrations" / "notes")
    queries = providers.Singleton(aiosql.from_path, HERE / "queries", "asyncpg")
    service = providers.Factory(Notes, db, queries)


async def main() -> None:
    """Write two notes, and find one."""
    async with NotesContainer() as container:
        notes: Notes = container.service()
        await notes.write("buy milk", "call Ada")
        print(*await notes.find("milk"), sep="\n")  # noqa: T201 - what a person wants to see


if __name__ == "__main__":
    asyncio.run(main())
