"""A primary and its standby, which can be restarted, killed and promoted; both throw-away."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import asyncpg

from poolhouse.embedded.account import server_account
from poolhouse.embedded.installation import prepare_installation

_MEMORY = Path("/dev/shm")
_PORT = 5432
_IS_STREAMING = "SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming'"
_PARAMETERS = {
    "listen_addresses": "",
    "port": f"{_PORT}",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "max_wal_senders": "5",
    "wal_level": "replica",
    "shared_buffers": "16MB",
    "autovacuum": "off",
    # A server process learns soon that its client is gone, and one whose client waits no longer than that.
    "client_connection_check_interval": "200ms",
    "deadlock_timeout": "200ms",
    # A standby comes back soon after a restart of the primary.
    "wal_retrieve_retry_interval": "50ms",
}


@dataclass(frozen=True, slots=True)
class Node:
    """One data directory, and the socket of the server that runs on it."""

    data: Path
    sockets: Path

    @property
    def address(self) -> str:
        return f"{self.sockets}/.s.PGSQL.{_PORT}"

    def dsn(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self.sockets}&port={_PORT}"


class ReplicatedServer:
    """Two nodes, of which one is the primary; `async with` starts both."""

    def __init__(self, binaries: Path) -> None:
        self._account = server_account(None)
        self._folder = Path(tempfile.mkdtemp(prefix="phrep", dir=_MEMORY if _MEMORY.is_dir() else None))
        self._programs = prepare_installation(binaries, self._account, spare=self._folder)
        self._made = 0
        self.primary = self._node()
        self.standby = self._node()

    @property
    def version(self) -> str:
        return self._programs.version

    async def __aenter__(self) -> Self:
        if self._account is not None:
            shutil.chown(self._folder, self._account.user, self._account.group)
        node = self.primary
        await self._run("initdb", "-D", f"{node.data}", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")
        await self._start(node)
        await self._replicate()
        return self

    async def __aexit__(self, *_: object) -> None:
        for node in (self.primary, self.standby):
            with suppress(subprocess.CalledProcessError):
                await self._stop(node, "immediate")
        shutil.rmtree(self._folder)

    async def connect(self, database: str = "postgres") -> asyncpg.Connection[Any]:
        """Connect to the primary, past all faults of the network."""
        return await asyncpg.connect(self.primary.dsn(database))

    async def restart(self, mode: str) -> None:
        """Restart the primary, `fast` or `immediate`."""
        await self._stop(self.primary, mode)
        await self._start(self.primary)

    async def fail_over(self, mode: str) -> None:
        """Stop the primary and promote the standby; stopped `fast`, it has handed on all that was committed."""
        await self._until_streaming()
        await self._stop(self.primary, mode)
        await self._run("pg_ctl", "-D", f"{self.standby.data}", "-w", "promote")
        self.primary, self.standby = self.standby, self.primary

    async def _until_streaming(self) -> None:
        connection = await self.connect()
        try:
            # No event of a server tells of it.
            while not await connection.fetchval(_IS_STREAMING):  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.01)
        finally:
            await connection.close()

    async def renew_standby(self) -> None:
        """Make a standby anew, of the primary that there is now."""
        shutil.rmtree(self.standby.data)
        await self._replicate()

    async def _replicate(self) -> None:
        source, target = self.primary, self.standby
        command = ("-h", f"{source.sockets}", "-p", f"{_PORT}", "-U", "postgres", "-D", f"{target.data}", "-R")
        await self._run("pg_basebackup", *command, "-c", "fast", "--no-sync", "-X", "stream")
        await self._start(target)

    def _node(self) -> Node:
        self._made += 1
        sockets = self._folder / f"{self._made}"
        sockets.mkdir()
        if self._account is not None:
            shutil.chown(sockets, self._account.user, self._account.group)
        return Node(self._folder / f"data{self._made}", sockets)

    async def _start(self, node: Node) -> None:
        parameters = _PARAMETERS | {"unix_socket_directories": f"{node.sockets}"}
        options = " ".join(f"-c {name}='{value}'" for name, value in parameters.items())
        await self._run("pg_ctl", "-w", "-D", f"{node.data}", "-l", f"{node.data}.log", "-o", options, "start")

    async def _stop(self, node: Node, mode: str) -> None:
        await self._run("pg_ctl", "-w", "-D", f"{node.data}", "-m", mode, "stop")

    async def _run(self, program: str, *arguments: str) -> None:
        await asyncio.to_thread(self._run_now, program, *arguments)

    def _run_now(self, program: str, *arguments: str) -> None:
        who: dict[str, Any] = {}
        if self._account is not None:
            who = {"user": self._account.user, "group": self._account.group, "extra_groups": []}
        command = [f"{self._programs.binaries / program}", *arguments]
        # Not a pipe: the server that pg_ctl starts would keep it open.
        nowhere = subprocess.DEVNULL
        subprocess.run(command, check=True, stdin=nowhere, stdout=nowhere, stderr=nowhere, cwd="/", **who)
