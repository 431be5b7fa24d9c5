"""A command-line tool with a database of its own: `python -m examples.command_line.main add Ada ada@example.org`.

Each call starts the container, does one thing and stops it. A start with nothing to migrate costs one statement.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dependency_injector import providers
from pydantic_settings import SettingsConfigDict

from poolhouse import ApplicationSettings, Container, EmbeddedPostgres, MigrationSet, SchemaManager, SharedPool
from poolhouse.container import run

HERE = Path(__file__).parent


class Settings(ApplicationSettings):
    """`CONTACTS_DATABASE__DSN` says where the contacts are; without it they are in this folder."""

    model_config = SettingsConfigDict(env_prefix="CONTACTS_")


class Contacts:
    """Knows how to reach people."""

    def __init__(self, db: SchemaManager) -> None:
        self._db = db

    async def add(self, name: str, address: str) -> None:
        """Note somebody's address, instead of the one before."""
        await self._db.execute(
            """
            INSERT INTO {{tables.contacts}} (name, address) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET address = excluded.address
            """,
            name,
            address,
        )

    async def find(self, beginning: str) -> list[tuple[str, str]]:
        """Return everybody whose name begins so, by name."""
        rows = await self._db.fetch(
            "SELECT name, address FROM {{tables.contacts}} WHERE starts_with(name, $1) ORDER BY name", beginning
        )
        return [(row["name"], row["address"]) for row in rows]


class ContactsContainer(Container):
    """The wiring: what a web application has, without the web."""

    settings = providers.Singleton(Settings)
    server = providers.Resource(EmbeddedPostgres, settings.provided.embedded)
    pool = providers.Resource(SharedPool, settings.provided.database, server=server)
    db = providers.Factory(SchemaManager, pool, schema="contacts")
    migrations = providers.Factory(MigrationSet, db, HERE / "migrations" / "contacts")
    contacts = providers.Factory(Contacts, db)


async def act(arguments: argparse.Namespace) -> None:
    """Do what the command line says."""
    async with ContactsContainer() as container:
        contacts: Contacts = container.contacts()
        if arguments.verb == "add":
            await contacts.add(arguments.name, arguments.address)
        else:
            for name, address in await contacts.find(arguments.beginning):
                print(f"{name}: {address}")  # noqa: T201 - it is what was asked for


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line, run it, and return the exit code."""
    parser = argparse.ArgumentParser(prog="contacts", description="Remember how to reach people.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    adding = verbs.add_parser("add", help="note somebody's address")
    adding.add_argument("name")
    adding.add_argument("address")
    finding = verbs.add_parser("find", help="show addresses")
    finding.add_argument("beginning", nargs="?", default="", help="what the names begin with")
    arguments = parser.parse_args(words)
    return run(lambda: act(arguments))


if __name__ == "__main__":
    sys.exit(main())
