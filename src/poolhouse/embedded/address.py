"""Where a server listens, and how its clients find it."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SUPERUSER = "postgres"
PORT = 5432


@dataclass(frozen=True, slots=True)
class Address:
    """The parameters that make a server listen somewhere, and the DSN of it there, as asyncpg takes it."""

    parameters: Mapping[str, str]
    dsn: str


def choose_address(sockets: Path) -> Address:
    """Choose the address of a new server: a socket in its private folder; on Windows a free port of the loopback."""
    return socket_address(sockets) if os.name == "posix" else loopback_address(free_port())


def socket_address(sockets: Path) -> Address:
    """Listen on a Unix socket only; who may enter the folder may connect."""
    parameters = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": quote_list_item(str(sockets)),
        "unix_socket_permissions": "0700",
    }
    return Address(parameters, f"postgresql://{SUPERUSER}@/{SUPERUSER}?host={quote(str(sockets))}&port={PORT}")


def joined_dsn(*, sockets: str, port: str) -> str:
    """Return the DSN of a server that runs already, as far as its `postmaster.pid` says where it listens."""
    if sockets:
        return f"postgresql://{SUPERUSER}@/{SUPERUSER}?host={quote(sockets)}&port={port}"
    return f"postgresql://{SUPERUSER}@127.0.0.1:{port}/{SUPERUSER}"


def loopback_address(port: int) -> Address:
    """Listen on the loopback interface only; every account of the machine may connect."""
    parameters = {"listen_addresses": "127.0.0.1", "port": str(port)}
    return Address(parameters, f"postgresql://{SUPERUSER}@127.0.0.1:{port}/{SUPERUSER}")


def free_port() -> int:
    """Find a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def quote_list_item(item: str) -> str:
    """Quote an item of a parameter that is a list, so that commas and spaces in it do not divide it."""
    return '"' + item.replace('"', '""') + '"'
