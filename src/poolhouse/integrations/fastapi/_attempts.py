"""A request that is answered again, where the transaction of its route was rolled back for another's sake."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from starlette.datastructures import UploadFile

if TYPE_CHECKING:
    from fastapi import Request

_log = logging.getLogger(__name__)

# Where FastAPI keeps what its dependencies have after their `yield`: those that end with the function last, since they
# are closed first.
_STACKS = ("fastapi_inner_astack", "fastapi_function_astack")


class Attempts:
    """The attempts to answer one request; what dependencies have open belongs to one of them.

    FastAPI closes it with the request, which is right for the last attempt, and too late for those before it.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._around: dict[str, AsyncExitStack] = {key: request.scope[key] for key in _STACKS if key in request.scope}
        self._own: dict[str, AsyncExitStack] = {}

    async def begin(self) -> None:
        """Begin the next one, with files that were uploaded as they came, and with dependencies of its own."""
        if self._own:
            await _rewind(self._request)
        self._own = {key: AsyncExitStack() for key in self._around}
        for key, own in self._own.items():
            # One that was given up is empty by then.
            self._around[key].push_async_exit(own)
        self._request.scope.update(self._own)

    async def give_up(self, error: Exception) -> None:
        """Close what the dependencies of this one have open; `error` is what they get to see.

        What they make of it, such as the answer to a conflict, is for the last attempt to say.
        """
        try:
            async with AsyncExitStack() as every:
                for own in self._own.values():
                    every.push_async_exit(own)
                raise error  # noqa: TRY301 - so the dependencies are told of it
        except Exception as late:  # noqa: BLE001 - the request is answered again whatever that is
            if late is not error:
                _log.warning("a request is answered again, and its dependencies raised before that", exc_info=late)


async def _rewind(request: Request) -> None:
    """Let files that were uploaded be read once more; the body itself is kept by the request."""
    if "multipart/form-data" in request.headers.get("content-type", ""):
        for _, value in (await request.form()).multi_items():
            if isinstance(value, UploadFile):
                await value.seek(0)
