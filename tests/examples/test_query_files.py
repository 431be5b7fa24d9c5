from __future__ import annotations

import pytest

from examples.query_files.main import NotesContainer
from poolhouse import ApplicationSettings
from poolhouse.errors import NotNullViolationError


@pytest.fixture
async def notes(database_settings):
    async with NotesContainer(settings=ApplicationSettings(database=database_settings)) as container:
        yield container.service()


async def test_queries_of_files_are_templates_of_the_service(notes):
    assert await notes.write("buy milk", "call Ada", "milk again") == [1, 2, 3]
    assert await notes.find("milk") == ["milk again", "buy milk"]


async def test_they_are_part_of_a_transaction(notes):
    with pytest.raises(NotNullViolationError):
        await notes.write("buy milk", None)
    assert await notes.find("milk") == []
