"""Users: who may place orders."""

from services.users.models import NewUser, User
from services.users.routes import router
from services.users.service import EmailTakenError, UserNotFoundError, Users

__all__ = ["EmailTakenError", "NewUser", "User", "UserNotFoundError", "Users", "router"]
