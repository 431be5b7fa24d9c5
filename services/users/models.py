"""What goes into and comes out of the service."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from services.fields import Id, Text

# Only delivering a message proves that an address exists, so no more is asked of it than its shape.
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$")]


class NewUser(BaseModel, frozen=True):
    """Somebody who wants to be registered."""

    email: Email
    name: Annotated[Text, Field(max_length=200)]


class User(BaseModel, frozen=True):
    """Somebody who is registered."""

    id: Id
    email: str
    name: str
    created_at: datetime
