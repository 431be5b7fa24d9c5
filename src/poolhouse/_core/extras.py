"""Optional parts, which need what only an extra installs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from poolhouse.errors import ExtraMissingError

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def needing(*modules: str, extra: str) -> Generator[None]:
    """Raise ExtraMissingError where the block imports one of `modules`, top-level ones, and it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in modules:
            raise
        raise ExtraMissingError(missing, extra) from None
