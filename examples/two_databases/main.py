"""Two databases, a pool for each: sales in one, and in the other what is kept of them for ten years.

A pool is shared by everything that is in one database. A second database is a second `Resource`, with a section of
settings of its own; each service is given the pool of the database that it lives in, and nothing else changes. What is
in two databases is in two transactions, so copying from one to the other is made to be repeated.
"""

from pathlib import Path

from dependency_injector import providers
from pydantic_settings import SettingsConfigDict

from poolhouse import ApplicationSettings, Container, DatabaseSettings, MigrationSet, SchemaManager, SharedPool

HERE = Path(__file__).parent


class Settings(ApplicationSettings):
    """`SHOP_DATABASE__DSN` is where sales are made, `SHOP_ARCHIVE__DSN` where they are kept."""

    model_config = SettingsConfigDict(env_prefix="SHOP_")

    archive: DatabaseSettings = DatabaseSettings(max_size=2)


class Sales:
    """What was sold."""

    def __init__(self, db: SchemaManager) -> None:
        self._db = db

    async def sell(self, article: str) -> int:
        """Note a sale, and return its id."""
        sale: int = await self._db.fetchval("INSERT INTO {{tables.sales}} (article) VALUES ($1) RETURNING id", article)
        return sale

    async def after(self, sale: int, *, limit: int) -> list[tuple[int, str]]:
        """Return the next sales after one, in their order; none is ever made between those."""
        async with self._db.transaction():
            # Who sells at this moment has an id already, and may commit it after higher ones: let them come to an end.
            await self._db.execute("LOCK TABLE {{tables.sales}} IN SHARE MODE")
            rows = await self._db.fetch(
                "SELECT id, article FROM {{tables.sales}} WHERE id > $1 ORDER BY id LIMIT $2", sale, limit
            )
        return [(row["id"], row["article"]) for row in rows]


class Archive:
    """Keeps sales in another database."""

    def __init__(self, db: SchemaManager, sales: Sales) -> None:
        self._db = db
        self._sales = sales

    async def catch_up(self, *, batch: int = 1000) -> int:
        """Copy what is not there yet, and return how much that was; may be interrupted anywhere, and run again."""
        copied = 0
        newest: int = await self._db.fetchval("SELECT coalesce(max(id), 0) FROM {{tables.sales}}")
        while sales := await self._sales.after(newest, limit=batch):
            await self._db.copy_records_to_table("sales", columns=["id", "article"], records=sales)
            copied += len(sales)
            newest = sales[-1][0]
        return copied


class TwoDatabases(Container):
    """Each service has the pool of its own database."""

    settings = providers.Singleton(Settings)
    pool = providers.Resource(SharedPool, settings.provided.database)
    archive_pool = providers.Resource(SharedPool, settings.provided.archive)

    sales_db = providers.Factory(SchemaManager, pool, schema="sales")
    sales_migrations = providers.Factory(MigrationSet, sales_db, HERE / "migrations" / "sales")
    sales = providers.Factory(Sales, sales_db)

    archive_db = providers.Factory(SchemaManager, archive_pool, schema="archive")
    archive_migrations = providers.Factory(MigrationSet, archive_db, HERE / "migrations" / "archive")
    archive = providers.Factory(Archive, archive_db, sales)
