"""What goes into and comes out of the service."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from services.fields import Id, Money, Text


class Line(BaseModel, frozen=True):
    """So many of one article, each at this price."""

    sku: Annotated[Text, Field(max_length=64)]
    quantity: Annotated[int, Field(ge=1, le=1_000_000)]
    unit_price: Annotated[Money, Field(ge=0, max_digits=12, decimal_places=4)]


def total_of(lines: Iterable[Line]) -> Decimal:
    """Return the exact sum of all lines: it has at most 22 digits, and Decimal rounds after 28."""
    return sum((line.quantity * line.unit_price for line in lines), start=Decimal(0))


class NewOrder(BaseModel, frozen=True):
    """What somebody wants to order."""

    user_id: Id
    lines: Annotated[list[Line], Field(min_length=1, max_length=1000)]


class OrderHead(BaseModel, frozen=True):
    """An order without its lines."""

    id: Id
    user_id: Id
    status: Literal["placed", "paid"]


class OrderLine(Line, frozen=True):
    """A line of an order that was placed."""

    order_id: Annotated[Id, Field(exclude=True)]


class Order(OrderHead, frozen=True):
    """An order that was placed."""

    lines: list[OrderLine]
    total: Money

    @property
    def is_paid(self) -> bool:
        """Whether nothing is left to pay."""
        return self.status == "paid"


class Page(BaseModel, frozen=True):
    """Some of a user's orders; `next` is the value of `after` for the page behind it, null on the last one."""

    items: list[Order]
    next: Id | None
