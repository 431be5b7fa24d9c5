"""What can be done with users."""

from poolhouse.schema import SchemaManager
from services.users.models import NewUser, User


class EmailTakenError(Exception):
    """Another user has this email."""


class UserNotFoundError(Exception):
    """There is no such user."""


class Users:
    """Registers users and finds them."""

    def __init__(self, db: SchemaManager) -> None:
        self._db = db

    async def register(self, new: NewUser) -> User:
        """Register a user; raises EmailTakenError when the email is taken, in whatever case it is written."""
        user = await self._db.fetchrow(
            """
            INSERT INTO {{tables.users}} (email, name) VALUES ($1, $2)
            ON CONFLICT (lower(email)) DO NOTHING
            RETURNING id, email, name, created_at
            """,
            new.email,
            new.name,
            into=User,
        )
        if user is None:
            raise EmailTakenError
        return user

    async def get(self, user_id: int) -> User:
        """Return the user with this id; raises UserNotFoundError."""
        user = await self._db.fetchrow(
            "SELECT id, email, name, created_at FROM {{tables.users}} WHERE id = $1", user_id, into=User
        )
        if user is None:
            raise UserNotFoundError
        return user

    async def exists(self, user_id: int) -> bool:
        """Whether there is a user with this id."""
        return bool(await self._db.fetchval("SELECT EXISTS (SELECT FROM {{tables.users}} WHERE id = $1)", user_id))
