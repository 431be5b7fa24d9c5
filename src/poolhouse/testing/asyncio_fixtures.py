"""The application in the loops of pytest-asyncio, in each of its scopes: a fixture of it belongs to one loop.

In auto and in strict mode alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest_asyncio

from poolhouse.testing.loops import OF_ONE_TEST, SCOPES, running_in, shared_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from poolhouse.testing.blueprint import Blueprint
    from poolhouse.testing.kit import Kit
    from poolhouse.testing.running import Running, RunningTest, SharedApplication


def _fixtures_in(scope: Any) -> dict[str, Any]:
    @pytest_asyncio.fixture(scope=scope, loop_scope=scope, name=shared_in(scope))
    async def shared_in_loop(_poolhouse_kit: Kit) -> AsyncIterator[SharedApplication]:
        from poolhouse.testing.running import SharedApplication  # noqa: PLC0415 - pytest loads this module always

        shared = SharedApplication(_poolhouse_kit)
        yield shared
        await shared.close()

    @pytest_asyncio.fixture(loop_scope=scope, name=running_in(scope))
    async def running_in_loop(
        request: pytest.FixtureRequest, _running_test: RunningTest, _application_blueprint: Blueprint
    ) -> AsyncIterator[Running]:
        from poolhouse.testing.running import run_in  # noqa: PLC0415 - pytest loads this module always

        # It is there already, or this could not ask for it.
        shared = None if scope in OF_ONE_TEST else request.getfixturevalue(shared_in(scope))
        async with run_in(_running_test, _application_blueprint, shared) as running:
            yield running

    return {shared_in(scope): shared_in_loop, running_in(scope): running_in_loop}


FIXTURES = {name: fixture for scope in SCOPES for name, fixture in _fixtures_in(scope).items()}
