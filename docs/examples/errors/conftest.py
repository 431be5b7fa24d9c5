"""What raises every error for its section of docs/errors, and compares what the page shows with what is produced.

`told(TemplateError)` is for a block that is to raise it. POOLHOUSE_SHOW=1 writes the examples anew into the pages.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from poolhouse import MigrationSet, SchemaManager, SharedPool

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs/errors"

# What differs from run to run, or from one machine to another; an ellipsis stands for it on the page.
VOLATILE = (
    (r"/\S*?/(?=migrations/|\.poolhouse/|postgres\b)", ""),
    (rf"{re.escape(str(ROOT))}/", ""),
    (r"(?<=\.py):\d+", ":…"),
    (r"[\w-]+@\S*?:\d+/[\w-]+", "…"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:…"),
    (r"\b\d+\.\d+ s\b", "… s"),
    (r"\b(process|pid|session) \d+", r"\1 …"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+ UTC \[\d+\]|\+0000)", "…"),
    (r"/\S*/poolhouse-pg-\w+", "…"),
    (r"\w+\.<locals>\.", ""),
    (r"poolhouse_test_\w+", "…"),
)


class Section:
    """One error's section of its page."""

    def __init__(self, error):
        heading = f"## {error.__name__}\n"
        self._page = next(page for page in PAGES.glob("*.md") if heading in page.read_text())
        self._before, self._heading, rest = self._page.read_text().partition(heading)
        self._text, self._next, self._after = rest.partition("\n## ")

    @property
    def shown(self):
        block = re.search(r"^```text\n(.*?)\n```$", self._text, re.MULTILINE | re.DOTALL)
        return block[1] if block else None

    def show(self, produced):
        text = re.sub(r"\n*^```text\n.*?\n```$", "", self._text, flags=re.MULTILINE | re.DOTALL).strip("\n")
        text = f"\n{text}\n\n```text\n{produced}\n```\n"
        self._page.write_text(f"{self._before}{self._heading}{text}{self._next}{self._after}")


class Told:
    """Compares the messages of errors with their sections."""

    def __init__(self, *volatile):
        self._volatile = (*volatile, *VOLATILE)

    @contextmanager
    def __call__(self, error, *, by=None):
        """Let a block raise `error`, or one of its kinds, `by`."""
        with pytest.raises(error) as raised:
            yield raised
        assert type(raised.value) is (by or error)
        self.shows(error, raised.value)

    def shows(self, error, raised):
        """Compare what was raised."""
        assert raised.fact, "a message has a fact"
        produced = str(raised)
        for pattern, stand_in in self._volatile:
            produced = re.sub(pattern, stand_in, produced)
        produced = "\n".join(line.rstrip() for line in produced.strip().splitlines())
        section = Section(error)
        if os.environ.get("POOLHOUSE_SHOW"):
            section.show(produced)
        else:
            assert produced == section.shown


@pytest.fixture
def told(request, tmp_path):
    """Compare an error with its section: `with told(TemplateError): …`."""
    volatile = [(rf"{re.escape(str(tmp_path))}/", ""), (re.escape(str(tmp_path)), "…")]
    if "database_settings" in request.fixturenames:
        prefix = request.getfixturevalue("database_settings").role_prefix
        volatile.append((rf"\b{prefix}(?=\w)", "svc_"))
    return Told(*volatile)


@pytest.fixture
async def open_pool(database_settings):
    """Open a pool on the test's database, with other settings: `await open_pool(max_size=1)`."""
    pools = []

    async def open_pool(**changes):
        settings = database_settings.model_validate(
            {**database_settings.model_dump(exclude_unset=True), "min_size": 1, **changes}
        )
        pools.append(SharedPool(settings))
        await pools[-1].open()
        return pools[-1]

    yield open_pool
    for pool in pools:
        await pool.close()


@pytest.fixture
async def pool(open_pool):
    """An open pool."""
    return await open_pool()


@pytest.fixture
async def admin(database):
    """A connection of somebody else."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write the files of a module's folder anew: `write("users", {"0001_a.sql": "SELECT 1"})`."""
    monkeypatch.chdir(tmp_path)

    def write(module, files):
        folder = Path("migrations", module)
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for name, text in files.items():
            (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder

    return write


@pytest.fixture
def users(pool, write):
    """The migrations of the service `users`: `users({"0001_a.sql": "SELECT 1"})`."""

    def users(files, *, on=pool, **options):
        return MigrationSet(SchemaManager(on, schema="users"), write("users", files), **options)

    return users
