"""Starts, shutdowns, cancellations, failures and overrides in any order: what is open is what ought to be."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from dependency_injector import providers
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from poolhouse.container import Container, LifecycleState

NAMES = ["first", "second", "third", "fourth"]


class Fault(Exception):
    pass


class Open(set[str]):
    """The names of what is open, and the ends that fail."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: set[str] = set()

    def fail(self, end: str) -> None:
        if end in self.faults:
            self.faults.discard(end)
            raise Fault(end)


class Handle:
    def __init__(self, name: str, opened: Open) -> None:
        self.name = name
        self.opened = opened

    async def open(self) -> None:
        await asyncio.sleep(0)
        self.opened.fail(f"open {self.name}")
        self.opened.add(self.name)
        await asyncio.sleep(0)

    async def close(self) -> None:
        self.opened.discard(self.name)
        await asyncio.sleep(0)
        self.opened.fail(f"close {self.name}")


async def generator(name: str, opened: Open):
    await asyncio.sleep(0)
    opened.fail(f"open {name}")
    opened.add(name)
    try:
        yield name
    finally:
        opened.discard(name)
        await asyncio.sleep(0)
        opened.fail(f"close {name}")


class Application(Container):
    opened = providers.Dependency(instance_of=Open)
    first = providers.Resource(Handle, "first", opened)
    second = providers.Resource(generator, "second", opened)
    third = providers.Resource(Handle, "third", opened)
    fourth = providers.Resource(generator, "fourth", opened)


class LifecycleMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.opened = Open()
        self.application = Application(opened=self.opened)

    def do(self, work, cancelled_after: int | None) -> None:
        async def main() -> None:
            task = asyncio.ensure_future(work())
            for _ in range(cancelled_after or 0):
                await asyncio.sleep(0)
            if cancelled_after is not None:
                task.cancel()
            with suppress(Fault, ExceptionGroup, asyncio.CancelledError):
                await task

        self.runner.run(main())

    cancelled_after = st.none() | st.integers(0, 25)

    @rule(after=cancelled_after)
    def start(self, after) -> None:
        self.do(self.application.init_resources, after)

    @rule(after=cancelled_after)
    def stop(self, after) -> None:
        before = self.application.state
        self.do(self.application.shutdown_resources, after)
        if after != 0 or before is not LifecycleState.STARTED:
            assert self.application.state is not LifecycleState.STARTED

    @rule(starting=cancelled_after, stopping=cancelled_after)
    def start_and_stop_at_once(self, starting, stopping) -> None:
        async def both() -> None:
            await asyncio.gather(
                self.application.init_resources(), self.application.shutdown_resources(), return_exceptions=True
            )

        self.do(both, starting)
        self.do(self.application.shutdown_resources, stopping)

    @rule(end=st.sampled_from(["open", "close"]), name=st.sampled_from([*NAMES, "other"]))
    def let_fail(self, end, name) -> None:
        self.opened.faults.add(f"{end} {name}")

    @rule(name=st.sampled_from(NAMES), kind=st.sampled_from([Handle, generator]), after=cancelled_after)
    def override_for_a_block(self, name, kind, after) -> None:
        app = self.application

        async def block() -> None:
            async with app.overriding(getattr(app, name), providers.Resource(kind, "other", self.opened)):
                was_started = app.state is LifecycleState.STARTED
                assert ("other" in self.opened) == was_started
                await asyncio.sleep(0)

        self.do(block, after)
        assert "other" not in self.opened
        assert not getattr(app, name).overridden

    @invariant()
    def what_is_open_is_what_ought_to_be(self) -> None:
        async def tasks() -> int:
            return len(asyncio.all_tasks())

        state = self.application.state
        assert state in {LifecycleState.NEW, LifecycleState.STARTED, LifecycleState.STOPPED}
        is_started = state is LifecycleState.STARTED
        assert self.opened == (set(NAMES) if is_started else set())
        # This one, and the one that keeps what is started.
        assert self.runner.run(tasks()) == 1 + is_started

    def teardown(self) -> None:
        self.opened.faults.clear()
        self.runner.run(self.application.shutdown_resources())
        assert self.opened == set()
        self.runner.close()


LifecycleMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
test_nothing_is_left_open_in_whatever_order_things_happen = LifecycleMachine.TestCase
