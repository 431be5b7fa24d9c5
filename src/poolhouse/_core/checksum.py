"""Checksums of migrations: what counts as a change, and the chain that a head stands for."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from poolhouse._core.lexer import TRIVIA, TokenKind, tokenize
from poolhouse._core.placeholder import normal_placeholder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def canonical_checksum(text: str) -> bytes:
    r"""Return the SHA-256 of the tokens of a template outside comments and white space, 32 bytes.

    Comments, white space between tokens and in the braces of a placeholder, a byte order mark and `\r\n`
    for `\n` (in literals and bodies too, since version control rewrites them) do not matter. Any other change of
    a token does, the case of a keyword and the layout inside a dollar-quoted body included: tokens are
    compared as text, so that the checksum never depends on which words are keywords in which version of
    PostgreSQL. Raises SqlSyntaxError as `tokenize`.
    """
    digest = sha256()
    for kind, start, end in tokenize(text):
        if kind in TRIVIA:
            continue
        token = text[start:end]
        if kind is TokenKind.PLACEHOLDER:
            token = normal_placeholder(token)
        # No token holds NUL, so this keeps "a b" apart from "ab".
        digest.update(token.replace("\r\n", "\n").encode(errors="surrogatepass") + b"\0")
    return digest.digest()


def raw_checksum(data: bytes) -> bytes:
    """Return the SHA-256 of a file as it is, 32 bytes."""
    return sha256(data).digest()


def chain_digest(previous: bytes, version: int, checksum: bytes) -> bytes:
    """Return the digest of a chain of migrations after one more, 32 bytes; an empty chain's is `b""`.

    Equal digests mean equal versions and checksums in equal order. `version` fits PostgreSQL's bigint, else
    OverflowError is raised.
    """
    return sha256(previous + version.to_bytes(8, "big", signed=True) + checksum).digest()


def directed_checksum(checksum: bytes, directives: Sequence[str]) -> bytes:
    """Return the checksum of a file whose `directives` change what its SQL means, 32 bytes.

    Comments do not count, but these comments do: with another set of them the same tokens would do something else.
    Without any, it is `checksum` itself.
    """
    if not directives:
        return checksum
    return sha256(b"\0".join((*(word.encode() for word in sorted(directives)), checksum))).digest()


def repeatable_digest(previous: bytes, name: str, checksum: bytes) -> bytes:
    """Return the digest of a chain after one more repeatable migration, 32 bytes; they follow the versioned ones.

    No digest of versioned migrations alone equals it, and the order of `name` is the caller's.
    """
    return sha256(b"repeatable\0" + previous + name.encode() + b"\0" + checksum).digest()


def folder_digest(files: Iterable[tuple[str, bytes]], reads: Iterable[str]) -> bytes:
    """Return the digest of files as they are, 32 bytes: of names and bytes, and of what their templates may read.

    Equal digests mean equal files, so that nobody has to look into them to know it.
    """
    digest = sha256()
    for name, data in sorted(files):
        encoded = name.encode(errors="surrogatepass")
        digest.update(b"%d %d " % (len(encoded), len(data)) + encoded + data)
    digest.update(b"\0".join(read.encode() for read in sorted(reads)))
    return digest.digest()
