"""What the examples of the pages share. They are tests: `pytest docs/examples`."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest


@pytest.fixture
def shown(request):
    """Compare what an example produced with the file beside it that a page shows.

    POOLHOUSE_SHOW=1 writes the files anew. Figures may differ, such as times and lines; and where a file has an
    ellipsis, anything may have been produced.
    """

    def compare(name, produced):
        file = Path(request.path).parent / name
        if os.environ.get("POOLHOUSE_SHOW"):
            file.write_text(produced.strip("\n") + "\n")
        pattern = re.escape(file.read_text().strip("\n")).replace("…", ".*")
        pattern = re.sub(r"\d+", r"\\d+", pattern)
        assert re.fullmatch(pattern, produced.strip("\n"), re.DOTALL), f"{file} shows something else than:\n{produced}"

    return compare
