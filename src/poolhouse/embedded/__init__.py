"""An embedded PostgreSQL, for development and tests: found on this machine, and started by poolhouse itself."""

from poolhouse.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres"]
