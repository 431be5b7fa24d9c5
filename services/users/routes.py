"""The HTTP routes of users."""

from poolhouse.integrations.fastapi import Injected, Router
from services.fields import Id
from services.users.models import NewUser, User
from services.users.service import EmailTakenError, UserNotFoundError, Users

router = Router(prefix="/users", tags=["users"], problems={EmailTakenError: 409, UserNotFoundError: 404})


@router.post("", status_code=201, responses=router.raises(EmailTakenError))
async def register(new: NewUser, users: Injected[Users]) -> User:
    """Register a user; no other may have the email."""
    return await users.register(new)


@router.get("/{user_id}", responses=router.raises(UserNotFoundError))
async def show(user_id: Id, users: Injected[Users]) -> User:
    """Show one user."""
    return await users.get(user_id)
