"""What a campaign on the pool has seen, and its judgement of every error and every wait."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple, Self

from poolhouse.errors import (
    ConnectionLostError,
    DatabaseError,
    PoolError,
    PoolExhaustedError,
    QueryTimeoutError,
    ReadOnlyError,
    RoleError,
    ServerUnavailableError,
    TransactionRollbackError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# How much longer than its limit a wait may take.
TOLERANCE = 1.2
_BEAT = 0.01


class Rule(NamedTuple):
    """What an error of one class must say."""

    is_retryable: bool
    sqlstates: tuple[str | None, ...]


# Faults of the network and of the server lead to these and to nothing else.
_RULES: Mapping[type[Exception], Rule] = {
    ConnectionLostError: Rule(
        is_retryable=True, sqlstates=(None, "08000", "08003", "08006", "57P01", "57P02", "57P03")
    ),
    QueryTimeoutError: Rule(is_retryable=False, sqlstates=(None, "57014")),
    PoolExhaustedError: Rule(is_retryable=True, sqlstates=(None,)),
    ServerUnavailableError: Rule(is_retryable=True, sqlstates=(None,)),
    TransactionRollbackError: Rule(is_retryable=True, sqlstates=("40001", "40P01")),
    ReadOnlyError: Rule(is_retryable=False, sqlstates=("25006",)),
    RoleError: Rule(is_retryable=False, sqlstates=(None,)),
}


class Record:
    """Counts and violations of one campaign; while it is entered, it watches the loop's own pauses."""

    def __init__(self) -> None:
        self.operations: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.unsprung: Counter[str] = Counter()
        self.recoveries: list[float] = []
        self.waits: dict[str, list[float]] = defaultdict(list)
        self.violations: list[str] = []
        self.excused = 0
        self.forgotten_by_driver = 0
        self.fault = "none"
        self._pauses: list[tuple[float, float]] = []

    async def __aenter__(self) -> Self:
        self._beating = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._beating.cancel()
        await asyncio.wait([self._beating])

    async def _beat(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(_BEAT)
            pause = time.monotonic() - before - _BEAT
            if pause > _BEAT:
                self._pauses.append((before, pause))

    def violate(self, what: str) -> None:
        self.violations.append(f"[{sum(self.faults.values())} {self.fault}] {what}")

    def expect(self, operation: str, found: object, expected: object) -> None:
        """Take note of a result that is not the one asked for."""
        if found != expected:
            self.violate(f"{operation}: got {found!r:.200} for {expected!r:.200}")

    def error(self, operation: str, error: BaseException, token: str) -> None:
        """Judge an error that an operation raised."""
        name = type(error).__name__
        self.errors[name] += 1
        rule = _RULES.get(type(error))
        if rule is None or not isinstance(error, PoolError | DatabaseError):
            self.violate(f"{operation}: {name} is not of the family: {error}")
            return
        sqlstate = getattr(error, "sqlstate", None)
        if error.retryable is not rule.is_retryable or sqlstate not in rule.sqlstates:
            self.violate(f"{operation}: {name} with retryable={error.retryable}, sqlstate={sqlstate}: {error}")
        if isinstance(error, ReadOnlyError) and "fail" not in self.fault:
            self.violate(f"{operation}: {name} without a failover: {error}")
        if isinstance(error, RoleError) and "role" not in self.fault:
            self.violate(f"{operation}: {name} while the role was there: {error}")
        if token in str(error):
            self.violate(f"{operation}: {name} repeats an argument: {error}")

    def waited(self, operation: str, limit: float, begun: float) -> None:
        """Hold the time since `begun` against a limit; pauses of the loop past the limit are not the pool's."""
        now = time.monotonic()
        self.waits[operation].append((now - begun) / limit)
        if now - begun <= limit * TOLERANCE:
            return
        paused = sum(pause for at, pause in self._pauses if at + pause > begun)
        if now - begun - paused <= limit * TOLERANCE:
            self.excused += 1
            return
        self.violate(f"{operation}: took {now - begun:.2f} s of {limit} s (the loop paused for {paused:.2f} s)")

    def summary(self) -> dict[str, object]:
        """Return the figures by name."""
        slowest = {operation: f"{max(waits):.2f}" for operation, waits in sorted(self.waits.items())}
        times = sorted(self.recoveries) or [0.0]
        return {
            "faults": dict(sorted(self.faults.items())),
            "traps that nothing went into": dict(sorted(self.unsprung.items())),
            "operations": dict(sorted(self.operations.items())),
            "errors": dict(sorted(self.errors.items())),
            "longest wait as a part of its limit": slowest,
            "waits excused by pauses of the loop": self.excused,
            "futures that the driver forgot": self.forgotten_by_driver,
            "seconds to recover": f"median {times[len(times) // 2]:.3f}, p99 {times[int(len(times) * 0.99)]:.2f}, "
            f"longest {times[-1]:.2f}",
            "violations": len(self.violations),
        }
