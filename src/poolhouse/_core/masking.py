"""Showing values of which some are secrets."""

from __future__ import annotations

import re

from poolhouse._core.address import describe_dsn

MASK = "**********"

# Greedy, so that an `@` in a password ends nothing: rather too much is masked than too little.
_CREDENTIALS = re.compile(r"://\S*@")
_ASSIGNED = re.compile(
    r"""((?:pass|pwd|secret|token|key|credential)\w*\s*[=:]\s*)('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s&;,]+)""",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(
    r"pass(?:word|wd|phrase)|pwd|secret|token|credential|authorization|cookie"
    r"|(?:api|access|private|signing|encryption)[_-]?key",
    re.IGNORECASE,
)


def mask_text(text: str) -> str:
    """Return `text` without the passwords that stand in it: of DSNs and other URLs, and of what is written `key=value`.

    Of PostgreSQL's DSNs that is the address.
    """
    if text.startswith(("postgresql://", "postgres://")):
        return describe_dsn(text)
    return _ASSIGNED.sub(rf"\g<1>{MASK}", _CREDENTIALS.sub(f"://{MASK}@", text))


def names_a_secret(name: str) -> bool:
    """Whether what is called so is likely to be a secret, of whatever type it is."""
    return _SECRET_NAME.search(name) is not None
