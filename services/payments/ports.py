"""What payments need from other services; `containers/` decides who provides it."""

from decimal import Decimal
from typing import Protocol, runtime_checkable


class PayableOrder(Protocol):
    """An order, as far as it concerns who pays it."""

    @property
    def total(self) -> Decimal:
        """What has to be paid, exactly."""
        ...

    @property
    def is_paid(self) -> bool:
        """Whether nothing is left to pay."""
        ...


@runtime_checkable
class PayableOrders(Protocol):
    """Knows what there is to pay, and wants to know what was paid."""

    async def find(self, order_id: int) -> PayableOrder | None:
        """Return the order, or None when there is none with this id."""
        ...

    async def mark_paid(self, order_id: int) -> None:
        """Make the order a paid one; doing so again must change nothing."""
        ...
