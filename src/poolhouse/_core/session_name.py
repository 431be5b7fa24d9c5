"""What a session is called while it serves a service, in pg_stat_activity and in the server's log."""

from __future__ import annotations

from functools import lru_cache

# PostgreSQL cuts longer ones: NAMEDATALEN - 1.
LONGEST_NAME = 63


@lru_cache(maxsize=1_024)
def session_name(application: str, service: str) -> str:
    """Return `shop/users` for the service users of the application shop, cut where PostgreSQL would cut it.

    What is no printable ASCII is a question mark, which PostgreSQL would make of each of its bytes, or spell them out.
    """
    printable = "".join(character if " " <= character <= "~" else "?" for character in service)
    return f"{application}/{printable}"[:LONGEST_NAME]
