"""An application that is killed between recording a payment and marking its order as paid.

Run as a program of its own: `python dying_application.py ORDER_ID AMOUNT KEY`, with the settings in the environment.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import httpx

from app.settings import Settings
from containers.application import ApplicationContainer
from poolhouse.integrations.fastapi import create_application
from services import payments


class DyingOrders:
    def __init__(self, orders):
        self._orders = orders

    async def find(self, order_id):
        return await self._orders.find(order_id)

    async def mark_paid(self, order_id):  # noqa: ARG002 - which one makes no difference
        os.kill(os.getpid(), signal.SIGKILL)


async def main(order_id, amount, key):
    container = ApplicationContainer(settings=Settings())
    container.orders.service.override(DyingOrders(container.orders.service()))
    web = create_application(container, payments.router)
    async with container, httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://shop") as client:
        body = {"order_id": int(order_id), "amount": amount}
        await client.post("/payments", json=body, headers={"Idempotency-Key": key})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
