"""Errors of tests: what would make one say something that is not so."""

from __future__ import annotations

from poolhouse.errors._base import PoolhouseError


class ForeignDatabaseError(PoolhouseError):
    """A test was about to use a database that is not one of its own; nothing was done with it."""

    def __init__(self, address: str, *, prefix: str) -> None:
        self.address = address
        super().__init__(
            "a test was about to use this database, which was not made for tests",
            place=address,
            remedy="Let the container take its pool from the settings that it is given, whose database is named "
            f"{prefix}…",
        )


class PortError(PoolhouseError):
    """A stand-in does not fit the port that it stands in for; `misfits` says in what."""

    def __init__(self, stand_in: str, port: str, misfits: tuple[str, ...]) -> None:
        self.port = port
        self.misfits = misfits
        super().__init__(
            f"{stand_in} does not fit the port {port}: {'; '.join(misfits)}",
            remedy="Change it to what the port says, which services rely on",
        )


class UnansweredCallError(PoolhouseError, AssertionError):
    """A stub was asked for something, and the test has not said what it answers."""

    def __init__(self, call: str, *, remedy: str) -> None:
        self.call = call
        super().__init__(f"a stub was asked for {call}, and nothing says what it answers", remedy=remedy)


class RepeatedQueriesError(PoolhouseError, AssertionError):
    """A service ran one statement more often than a test allows; `repeated` says which, how often and from where."""

    def __init__(self, allowed: int, repeated: tuple[str, ...]) -> None:
        self.allowed = allowed
        self.repeated = repeated
        lines = "".join(f"\n  - {each}" for each in repeated)
        times = "once" if allowed == 1 else f"{allowed} times"
        super().__init__(
            f"the same statement was run more often than {times}:{lines}",
            remedy="Ask for all of it in one statement, such as with `= ANY($1)`, or allow more",
        )


class UndoneCommitError(PoolhouseError):
    """A transaction was rolled back, and what others had committed inside of it went with it.

    That is so in a test only whose transactions are savepoints of one. `undone` has pairs of services: whose
    transaction was rolled back, and whose work that undid.
    """

    def __init__(self, undone: tuple[tuple[str, str], ...]) -> None:
        self.undone = undone
        facts = " and ".join(f"one of service {outer!r} has undone a commit of {inner!r}" for outer, inner in undone)
        super().__init__(
            f"transactions of this test are savepoints, so that {facts} inside of it by being rolled back; otherwise "
            "that would have stayed",
            remedy="Give the test a database of its own, where transactions are transactions: @pytest.mark.clone",
        )
