"""A proxy in front of a server's Unix socket that makes every round trip longer, in a process of its own.

`python -m benchmarks.delaying_proxy SOCKET SECONDS` prints the port of the loopback interface that it listens on.
"""

from __future__ import annotations

import asyncio
import sys


class DelayingProxy:
    """Holds back what clients send, and passes on at once what the server answers.

    All of the round trip is in one direction, since a timer fires up to a millisecond late. Messages on their way do
    not wait for each other, just as on a long cable.
    """

    def __init__(self, socket: str, delay: float) -> None:
        self._socket = socket
        self._delay = delay

    async def serve(self) -> None:
        listener = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        print(listener.sockets[0].getsockname()[1], flush=True)
        async with listener:
            await listener.serve_forever()

    async def _connect(self, requests: asyncio.StreamReader, replies: asyncio.StreamWriter) -> None:
        answers, onward = await asyncio.open_unix_connection(self._socket)
        try:
            await asyncio.gather(self._hold_back(requests, onward), self._pass_on(answers, replies))
        except ConnectionError:
            pass  # either side may go without a word
        finally:
            onward.close()
            replies.close()

    async def _hold_back(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while data := await source.read(65_536):
            loop.call_later(self._delay, target.write, data)
        loop.call_later(self._delay, target.close)

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            target.write(data)
        target.close()


if __name__ == "__main__":
    asyncio.run(DelayingProxy(sys.argv[1], float(sys.argv[2])).serve())
