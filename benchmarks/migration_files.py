"""Folders of migrations, in SQL that both contenders understand."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# The first weeks of a service.
_SERVICE = [
    """CREATE TABLE {{tables.accounts}} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);""",
    """ALTER TABLE {{tables.accounts}} ADD COLUMN name text;
COMMENT ON COLUMN {{tables.accounts}}.name IS 'As it is shown; may be missing.';""",
    """CREATE TABLE {{tables.entries}} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES {{tables.accounts}} (id),
    amount_cents bigint NOT NULL CHECK (amount_cents <> 0)
);""",
    "CREATE INDEX entries_by_account ON {{tables.entries}} (account_id, id);",
    "ALTER TABLE {{tables.accounts}} ADD CONSTRAINT email_has_an_at CHECK (email LIKE '%@%');",
]


@contextmanager
def folder_of_folders() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="poolhouse-bench-") as path:
        yield Path(path)


def service(parent: Path, name: str, *, files: int = 5) -> Path:
    """A service of `files` files; behind the first five, each adds a column."""
    texts = [*_SERVICE, *(f"ALTER TABLE {{{{tables.accounts}}}} ADD COLUMN c{n} int;" for n in range(5, files))]
    return _write(parent / name, texts[:files])


def small_tables(parent: Path, name: str, *, files: int) -> Path:
    """As many files as wanted, which cost the server the same each."""
    return _write(parent / name, [f"CREATE TABLE {{{{tables.t{n}}}}} (id int);" for n in range(files)])


def add_file(folder: Path) -> None:
    """One more file, which adds a column to a table of `service`."""
    number = len(list(folder.iterdir()))
    _write(folder, [f"ALTER TABLE {{{{tables.accounts}}}} ADD COLUMN late_{number} int;"], first=number + 1)


def _write(folder: Path, texts: list[str], *, first: int = 1) -> Path:
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts, first):
        (folder / f"{number:04}_step.sql").write_text(f"{text}\n")
    return folder
