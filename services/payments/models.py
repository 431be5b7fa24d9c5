"""What goes into and comes out of the service."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from services.fields import Id, Money

# What a client makes up for one payment and sends again with every repetition of it.
IdempotencyKey = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[!-~]+$")]


class NewPayment(BaseModel, frozen=True):
    """What somebody wants to pay."""

    order_id: Id
    amount: Annotated[Money, Field(ge=0, max_digits=28)]


class Payment(BaseModel, frozen=True):
    """What was paid."""

    id: Id
    order_id: Id
    amount: Money
    created_at: datetime
    idempotency_key: Annotated[str, Field(exclude=True)]
