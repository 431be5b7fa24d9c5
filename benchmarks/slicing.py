"""What a slice of an application saves a test that needs one service of it.

Called with a project's folder and one service, or none for the whole application, it prints the seconds of one start.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import twenty_services
from benchmarks.benchmark import Benchmark, ratio
from benchmarks.servers import server
from poolhouse.testing.application import container_of, settings_of
from poolhouse.testing.background_loop import BackgroundLoop
from poolhouse.testing.isolation import Isolation
from poolhouse.testing.kit import Kit
from poolhouse.testing.running import RunningTest, run_in
from poolhouse.testing.slices import SliceOf

_ROUNDS = 7
_ROOT = Path(__file__).parent.parent


async def slice_of_20_vs_whole() -> float:
    """How long one service of twenty takes to start for a test, alone, to what all twenty of them take.

    Each start is the first of a process, on a server that has seen neither: the project's modules are imported, its
    migrations applied, and the container is started on a clone of that. poolhouse itself is imported before.
    """
    with TemporaryDirectory() as folder:
        twenty_services.write(Path(folder))
        starts = {"one of twenty services": twenty_services.ONE, "all twenty": ""}
        return await ratio({name: partial(_start, folder, one) for name, one in starts.items()}, rounds=_ROUNDS)


async def _start(folder: str, one: str) -> float:
    async with server(fsync="off") as dsn:
        command = [sys.executable, "-m", "benchmarks.slicing", folder, dsn, one]
        paths = f"{_ROOT}{os.pathsep}{_ROOT / 'src'}"
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env={**os.environ, "PYTHONPATH": paths}, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
    return float(said)


def main(folder: str, dsn: str, one: str) -> None:
    loop = BackgroundLoop("poolhouse: databases of a benchmark")
    with Kit(dsn, loop) as kit:
        print(asyncio.run(_seconds(kit, Path(folder), one)))
    loop.close()


async def _seconds(kit: Kit, root: Path, one: str) -> float:
    test = RunningTest(kit, Isolation.ROLLBACK)
    begun = time.perf_counter()
    async with AsyncExitStack() as stack:
        if one:
            slices = SliceOf(test, root, application=lambda: container_of(root), settings=lambda: settings_of(root))
            await stack.enter_async_context(slices(one))
        else:
            blueprint = kit.blueprint(container_of(root), settings_of(root))
            await stack.enter_async_context(run_in(test, blueprint, None))
        return time.perf_counter() - begun


BENCHMARKS = {"testing.slice_of_20.vs_whole": Benchmark(slice_of_20_vs_whole, at_most=0.2)}

if __name__ == "__main__":
    main(*sys.argv[1:])
