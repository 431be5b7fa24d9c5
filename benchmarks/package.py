"""What the package costs whoever imports it."""

from __future__ import annotations

import asyncio
import sys
from functools import partial

from benchmarks.benchmark import Benchmark, ratio

_ROUNDS = 21
# dependency-injector imports FastAPI by itself where that is installed; then it counts on both sides.
_DEPENDENCIES = "import asyncpg, pydantic_settings; from dependency_injector import containers, providers"
_POOLHOUSE = "import poolhouse"
_ALL_NAMES = "import poolhouse; [getattr(poolhouse, name) for name in poolhouse.__all__]"
_TIMED = "import time; begun = time.perf_counter(); {}; print(time.perf_counter() - begun)"


async def import_time_vs_dependencies() -> float:
    """How long `import poolhouse` takes in a fresh process, to what its three dependencies take.

    It imports a name's home when the name is asked for, so this is what those pay who need its errors, say.
    """
    return await _to_dependencies({"import poolhouse": _POOLHOUSE})


async def import_time_of_all_names_vs_dependencies() -> float:
    """The same with all its public names, the dependencies included, which is what an application pays."""
    return await _to_dependencies({"all names of poolhouse": _ALL_NAMES})


async def _to_dependencies(statement: dict[str, str]) -> float:
    compared = {**statement, "its dependencies": _DEPENDENCIES}
    return await ratio({name: partial(_seconds_of, each) for name, each in compared.items()}, rounds=_ROUNDS)


async def _seconds_of(statement: str) -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _TIMED.format(statement), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return float(out)


BENCHMARKS = {
    "package.import_time.vs_dependencies": Benchmark(import_time_vs_dependencies, at_most=1.2),
    "package.import_time.all_names_vs_dependencies": Benchmark(import_time_of_all_names_vs_dependencies),
}
