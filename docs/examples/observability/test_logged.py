from __future__ import annotations

import json
import logging

import httpx
import pytest
from fastapi import FastAPI

from poolhouse.integrations.fastapi import RequestIds
from poolhouse.logs import LogForm, LogSettings, set_up_logs

_log = logging.getLogger("services.orders.service")


@pytest.fixture(autouse=True)
def _as_it_was():
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


async def test_a_request_is_named_by_what_it_logs(capsys, monkeypatch):
    web = FastAPI()

    @web.get("/")
    async def show() -> None:
        _log.warning("asked")

    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    # begin: logs
    set_up_logs(LogSettings(form=LogForm.JSON))
    web.add_middleware(RequestIds)
    # end: logs
    async with httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://test") as client:
        await client.get("/", headers={"X-Request-ID": "abc"})
    [line] = capsys.readouterr().err.splitlines()
    logged = json.loads(line)
    assert (logged["service"], logged["request_id"], logged["message"]) == ("orders", "abc", "asked")
