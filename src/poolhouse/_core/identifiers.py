"""Names as PostgreSQL holds them: what can be an identifier, and how it is quoted."""

from __future__ import annotations

import re
import unicodedata

from poolhouse.errors import IdentifierError

MAX_IDENTIFIER_BYTES = 63  # NAMEDATALEN - 1; the server would cut longer names silently, and two could become one

# The characters of a name, told by the ASCII ones that are none: a class that reaches up to the last code point takes
# Python some ten milliseconds to compile, wherever it occurs, and every import would pay for it.
LETTER = r"[^\x00-@\[-^`{-\x7f]"
LETTER_OR_DIGIT = r"[^\x00-/:-@\[-^`{-\x7f]"
_PART = r"[^\x00-#%-/:-@\[-^`{-\x7f]"  # $ too

BARE_NAME = f"{LETTER}{_PART}*+"
QUOTED_NAME = r'"(?:[^"]++|"")*+"'
NAME = f"(?:{BARE_NAME}|{QUOTED_NAME})"

_BARE = re.compile(BARE_NAME)
_QUALIFIED = re.compile(rf"({NAME})\.({NAME})")
_INVISIBLE = frozenset({"Cc", "Zs", "Zl", "Zp"})


def check_identifier(name: str) -> str:
    """Return `name` if PostgreSQL can hold it as an identifier, upper case, spaces inside and keywords included.

    White space and control characters at either end are refused although PostgreSQL would take them in
    quotes: such a name is a slip, and looks like another one. Raises IdentifierError.
    """
    if not name:
        raise IdentifierError(name, "it is empty", remedy="Give it at least one character")
    if "\0" in name:
        raise IdentifierError(name, "it contains NUL", remedy="Remove the NUL character")
    if (visible := _strip_invisible(name)) != name:
        fact = "it starts or ends with white space or a control character"
        raise IdentifierError(name, fact, remedy=f"Write {visible!r}" if visible else "Write a visible name")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        fact = "it contains half of a surrogate pair"
        raise IdentifierError(name, fact, remedy="Decode it as UTF-8 where it is read") from None
    if size > MAX_IDENTIFIER_BYTES:
        fact = f"it takes {size} bytes of UTF-8, and PostgreSQL keeps {MAX_IDENTIFIER_BYTES}"
        raise IdentifierError(name, fact, remedy="Shorten it")
    return name


def quote_identifier(name: str) -> str:
    """Return `name` in double quotes, which PostgreSQL takes verbatim; raises IdentifierError as `check_identifier`."""
    return '"' + check_identifier(name).replace('"', '""') + '"'


def written_name(name: str) -> str:
    """Return `name` as a person writes it in a placeholder or a declaration: bare where that suffices, else quoted."""
    return name if _BARE.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def written_path(schema: str, name: str) -> str:
    """Return what `parse_qualified` reads as these two names."""
    return f"{written_name(schema)}.{written_name(name)}"


def read_name(written: str) -> str:
    """Return the name that `written_name` wrote: bare names verbatim, case kept; quoted ones without their quotes."""
    return written[1:-1].replace('""', '"') if written.startswith('"') else written


def parse_qualified(written: str) -> tuple[str, str]:
    """Return schema and name of a declaration such as `users.accounts` or `"My Schema".accounts`.

    Raises IdentifierError when it is not two names with a dot between them, or one of them is illegal.
    """
    match = _QUALIFIED.fullmatch(written)
    if match is None:
        fact = "it is not a schema and a table with a dot between them"
        raise IdentifierError(written, fact, remedy="Write it as in 'users.accounts'; unusual names in double quotes")
    return check_identifier(read_name(match[1])), check_identifier(read_name(match[2]))


def _strip_invisible(name: str) -> str:
    seen = [index for index, character in enumerate(name) if unicodedata.category(character) not in _INVISIBLE]
    return name[seen[0] : seen[-1] + 1] if seen else ""
