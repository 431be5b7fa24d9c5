"""The command line `poolhouse`; it needs the extra `cli`."""

from __future__ import annotations

import sys

_NEEDED = ("typer", "rich")


def main() -> int:
    """Run the command line with the arguments of the process, and return the exit code.

    0: fine. 1: pending or drift, where `--exit-code` asks for it. 2: something was mistyped or is misconfigured, and
    nothing was done. 3: it failed. 130: interrupted, 143: terminated.
    """
    try:
        from poolhouse.cli.root import run  # noqa: PLC0415 - what it imports comes with an extra
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        print(  # noqa: T201 - rich, with which everything else is said, may be what is missing
            f"Error: the command line needs {error.name}, which is not installed. Run: pip install 'poolhouse[cli]'",
            file=sys.stderr,
        )
        return 2
    return run()
