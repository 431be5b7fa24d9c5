"""Requests over connections that stay open, as fast as they are answered.

`python -m benchmarks.http_load PORT PATH CONNECTIONS SECONDS` prints how many were answered with 200 in a second.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import cast


class Client(asyncio.Protocol):
    """One connection, which asks again as soon as the answer is there."""

    def __init__(self, path: str) -> None:
        self._request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        self._received = b""
        self.answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            assert head.startswith(b"HTTP/1.1 200"), head
            self._received = b""
            self.answered += 1
            self._transport.write(self._request)


async def main(port: str, path: str, connections: str, seconds: str) -> None:
    loop = asyncio.get_running_loop()
    clients = [Client(path) for _ in range(int(connections))]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", int(port))  # type: ignore[misc]
    await asyncio.sleep(0.5)  # until all are warm
    before, begun = sum(client.answered for client in clients), time.perf_counter()
    await asyncio.sleep(float(seconds))
    answered = sum(client.answered for client in clients) - before
    print(answered / (time.perf_counter() - begun))


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(*sys.argv[1:]))
