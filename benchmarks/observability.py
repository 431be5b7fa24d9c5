"""What being observed costs, and what being observable costs whoever is not.

Off is compared with the same code without its hooks, which are cut out of the source as it is: so the comparison
follows the source, and fails where there is nothing left to cut.
"""

from __future__ import annotations

import ast
import importlib.util
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import peers
from benchmarks.benchmark import Benchmark, on_one_core, ratio
from benchmarks.contenders import CONNECTIONS
from benchmarks.servers import server
from benchmarks.workload import READ, create_tables, per_second
from poolhouse.pool import SharedPool, accounts, leases
from poolhouse.schema import SchemaManager, connection, manager
from poolhouse.settings import DatabaseSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import ModuleType

    from benchmarks.workload import Operation

SCHEMA = peers.SCHEMA
ROUNDS = 41
COUNT = 2_000
LIMIT = 40.0


class _Cutting(ast.NodeTransformer):
    """Cuts out whatever asks whether somebody watches or traces."""

    def __init__(self) -> None:
        self.cut = 0

    def visit_With(self, node: ast.With) -> Any:
        self.generic_visit(node)
        if "following" not in ast.unparse(node.items[0].context_expr):
            return node
        self.cut += 1
        return node.body

    def visit_Expr(self, node: ast.Expr) -> Any:
        if not ast.unparse(node).startswith("note_acquired("):
            return node
        self.cut += 1
        return None

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        if "is_watched" not in ast.unparse(node.test):
            return node
        self.cut += 1
        return node.orelse

    def visit_Assign(self, node: ast.Assign) -> Any:
        target = ast.unparse(node.targets[0])
        if target != "trace" and not target.endswith(".handed_off_in"):
            self.generic_visit(node)
            return node
        self.cut += 1
        return None

    def visit_If(self, node: ast.If) -> Any:
        if ast.unparse(node.test) not in {"self._events.tells_acquired", "trace is not None"}:
            self.generic_visit(node)
            return node
        self.cut += 1
        return None


def without_hooks(module: ModuleType, **replaced: Any) -> ModuleType:
    """A module beside `module`, of the same source without hooks, in which names mean what is said instead."""
    cutting = _Cutting()
    path = Path(str(module.__file__))
    tree = ast.fix_missing_locations(cutting.visit(ast.parse(path.read_text())))
    assert cutting.cut, f"there is no hook in {path}"
    spec = importlib.util.spec_from_loader(f"{module.__name__}_without_hooks", None)
    assert spec is not None
    made = importlib.util.module_from_spec(spec)
    exec(compile(tree, str(path), "exec"), vars(made))
    vars(made).update(replaced)
    return made


def unhooked(dsn: str) -> tuple[SharedPool, SchemaManager]:
    """A pool and a manager without hooks."""
    bare = without_hooks(connection)
    kinds = {"Transaction": bare.Transaction, "Connection": bare.Connection}
    bare_manager = without_hooks(manager, **kinds)
    bare_leases, bare_accounts = without_hooks(leases).Leases, without_hooks(accounts).Accounts

    class Unhooked(SharedPool):
        def _new_leases(self, dsn: str) -> Any:
            made = super()._new_leases(dsn)
            made.__class__, made.accounts.__class__ = bare_leases, bare_accounts
            return made

    pool = Unhooked(_settings(dsn))
    return pool, bare_manager.SchemaManager(pool, schema=SCHEMA)


def _settings(dsn: str) -> DatabaseSettings:
    sizes = {"min_size": CONNECTIONS, "max_size": CONNECTIONS}
    return DatabaseSettings.model_validate({"dsn": dsn, **sizes})


@asynccontextmanager
async def opened(*pools: SharedPool) -> AsyncIterator[None]:
    for pool in pools:
        await pool.open()
    try:
        yield
    finally:
        for pool in pools:
            await pool.close()


async def slower(name: str, observed: Operation, other: str, plain: Operation) -> float:
    """How many times as long the first takes."""
    contenders = {other: partial(per_second, plain, count=COUNT), name: partial(per_second, observed, count=COUNT)}
    with on_one_core():
        return await ratio(contenders, rounds=ROUNDS, unit="1/s", limit=LIMIT)


async def off_overhead() -> float:
    """Point reads by themselves, and in transactions, with hooks that nobody uses: the greater of both ratios."""
    async with server() as dsn:
        await create_tables(dsn, [SCHEMA])
        pool, bare = SharedPool(_settings(dsn)), unhooked(dsn)
        db = SchemaManager(pool, schema=SCHEMA)
        async with opened(pool, bare[0]):
            reads = [lambda key: db.fetchrow(READ, key), lambda key: bare[1].fetchrow(READ, key)]
            single = await slower("read, hooks off", reads[0], "without", reads[1])
            both = [in_transaction(db), in_transaction(bare[1])]
            return max(single, await slower("transaction, hooks off", both[0], "without", both[1]))


def in_transaction(db: SchemaManager) -> Operation:
    async def operate(key: int) -> None:
        async with db.transaction():
            await db.fetchrow(READ, key)

    return operate


@asynccontextmanager
async def two_pools() -> AsyncIterator[tuple[SharedPool, Operation, Operation]]:
    """A pool to be observed, point reads on it, and point reads on another."""
    async with server() as dsn:
        await create_tables(dsn, [SCHEMA])
        pool, plain = SharedPool(_settings(dsn)), SharedPool(_settings(dsn))
        ours, theirs = SchemaManager(pool, schema=SCHEMA), SchemaManager(plain, schema=SCHEMA)
        async with opened(pool, plain):
            yield pool, lambda key: ours.fetchrow(READ, key), lambda key: theirs.fetchrow(READ, key)


async def metrics_overhead() -> float:
    """Point reads whose figures Prometheus is shown, which reads them after each round, and those of nobody."""
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - comes with an extra

    from poolhouse.integrations.prometheus import PrometheusMetrics  # noqa: PLC0415 - the same

    async with two_pools() as (pool, observed, plain):
        metrics = PrometheusMetrics(pool, registry=CollectorRegistry())
        await metrics.open()

        async def read_once() -> float:
            figure = await per_second(observed, count=COUNT)
            metrics.page()
            return figure

        contenders = {"without": partial(per_second, plain, count=COUNT), "Prometheus": read_once}
        with on_one_core():
            return await ratio(contenders, rounds=ROUNDS, unit="1/s", limit=LIMIT)


async def histograms_overhead() -> float:
    """Point reads that OpenTelemetry's SDK has a histogram of, and those of nobody."""
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - comes with an extra
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: PLC0415 - the same

    from poolhouse.integrations.opentelemetry import OpenTelemetryMetrics  # noqa: PLC0415 - the same

    async with two_pools() as (pool, observed, plain):
        provider = MeterProvider([InMemoryMetricReader()])
        await OpenTelemetryMetrics(pool, provider=provider, histograms=True).open()
        return await slower("histograms", observed, "without", plain)


async def tracing_overhead() -> float:
    """Point reads with a span each, which is sampled and then thrown away, and those of nobody."""
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - comes with an extra

    from poolhouse.integrations.opentelemetry import OpenTelemetryTracing  # noqa: PLC0415 - the same

    async with two_pools() as (pool, observed, plain):
        await OpenTelemetryTracing(pool, provider=TracerProvider()).open()
        return await slower("spans", observed, "without", plain)


BENCHMARKS = {
    "observability.off_overhead": Benchmark(off_overhead, at_most=1.02, uvloop=True, processes=3),
    "observability.metrics_overhead": Benchmark(metrics_overhead, at_most=1.10, uvloop=True, processes=3),
    "observability.histograms_overhead": Benchmark(histograms_overhead, uvloop=True),
    "observability.tracing_overhead": Benchmark(tracing_overhead, uvloop=True),
}
