"""What orders need from other services; `containers/` decides who provides it."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Accounts(Protocol):
    """Knows who may place orders."""

    async def exists(self, user_id: int) -> bool:
        """Whether there is a user with this id."""
        ...
