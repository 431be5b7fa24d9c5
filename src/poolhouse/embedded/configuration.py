"""What a server is told: its configuration file, its command lines and its environment. Pure functions."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from poolhouse.embedded.address import SUPERUSER
from poolhouse.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})

DURABLE: Mapping[str, str] = {
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "max_wal_size": "512MB",
    "jit": "off",
}
# Nothing of a throw-away server outlives a crash, so it need not be able to recover from one.
THROW_AWAY: Mapping[str, str] = {
    **DURABLE,
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "shared_buffers": "64MB",
    "checkpoint_timeout": "1h",
    "autovacuum_naptime": "1h",
    "log_checkpoints": "off",
    "dynamic_shared_memory_type": "mmap",
}
# A caller who changed one of these would lose the server: the launcher has to know where it is.
RESERVED = frozenset(
    {
        "config_file",
        "data_directory",
        "external_pid_file",
        "hba_file",
        "ident_file",
        "include",
        "include_dir",
        "include_if_exists",
        "listen_addresses",
        "log_destination",
        "logging_collector",
        "port",
        "unix_socket_directories",
        "unix_socket_group",
        "unix_socket_permissions",
    }
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)*")


def check_parameters(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of the parameters; raises SettingError for a name or a value that the file cannot hold."""
    for name, value in parameters.items():
        if not _NAME.fullmatch(name):
            raise SettingError(name, "is not the name of a parameter of PostgreSQL", remedy="Names are like work_mem")
        if name.lower() in RESERVED:
            raise SettingError(name, "belongs to the launcher of the embedded PostgreSQL", remedy="Leave it out")
        if any(ord(character) < 32 for character in value):
            raise SettingError(name, "has a value with a control character", remedy="Put the value on one line")
    return dict(parameters)


def configuration_text(parameters: Mapping[str, str], *, include: Path | None = None) -> str:
    """Write a configuration file: first what `include` says, then the parameters, which win."""
    lines = [f"include = {quote(str(include))}"] if include is not None else []
    return "".join(
        f"{line}\n" for line in [*lines, *(f"{name} = {quote(value)}" for name, value in parameters.items())]
    )


def quote(value: str) -> str:
    """Quote a value for the configuration file, where backslashes escape and a quote is doubled."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def initdb_command(binaries: Path, data: str, major: int, *, durable: bool, linux: bool) -> list[str]:
    """Compose the command that makes a cluster.

    It is in UTF-8, sorts by code point on every platform, and its lower() and upper() know all letters.
    """
    locale = ["--locale=C"]
    if major >= 17:
        locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    elif linux:
        locale += ["--lc-ctype=C.UTF-8"]
    sync = [] if durable else ["--no-sync"]
    program = str(binaries / "initdb")
    return [program, "-D", data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-instructions", *locale, *sync]


def server_command(binaries: Path, data: str, configuration: Path, fixed: Mapping[str, str]) -> list[str]:
    """Compose the command of a server; what it fixes, no file can change."""
    fixed = {"config_file": str(configuration), **fixed, "logging_collector": "off", "log_destination": "stderr"}
    return [str(binaries / "postgres"), "-D", data, *(f"--{name}={value}" for name, value in fixed.items())]


def pg_ctl_command(binaries: Path, data: str, configuration: Path, *, log: Path, timeout: float) -> list[str]:
    """Compose the command that starts a server on Windows, where only pg_ctl can start it for an administrator."""
    options = f'-c "config_file={configuration.as_posix()}"'
    pg_ctl = [str(binaries / "pg_ctl"), "-D", data, "-l", f"{log}.server", "-w", "-t", f"{timeout:.0f}"]
    return [*pg_ctl, "-o", options, "start"]


def server_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Copy the environment without what would steer PostgreSQL or its messages behind the launcher's back."""
    kept = {name: value for name, value in environment.items() if not name.startswith(("PG", "LC_", "PYTHON"))}
    kept.pop("LANG", None)
    kept.pop("LANGUAGE", None)
    return kept | {"LC_ALL": "C"}
