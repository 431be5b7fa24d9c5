"""What can be done with payments."""

from poolhouse.schema import SchemaManager
from services.payments.models import NewPayment, Payment
from services.payments.ports import PayableOrder, PayableOrders


class OrderNotFoundError(Exception):
    """There is no order to pay."""


class OrderPaidError(Exception):
    """The order is paid already, under another key."""


class WrongAmountError(Exception):
    """The amount is not the total of the order."""


class KeyReusedError(Exception):
    """The key was used before, to pay another order or another amount."""


class Payments:
    """Takes payments, each of them once."""

    def __init__(self, db: SchemaManager, orders: PayableOrders) -> None:
        self._db = db
        self._orders = orders

    async def pay(self, new: NewPayment, *, key: str) -> tuple[Payment, bool]:
        """Pay an order, and say whether that was done now (True) or by an earlier call with the same key (False).

        The payment is recorded here and the order is marked by its own service: two transactions. When
        only the first took place, because the process died in between, any later call for the same key or the
        same order makes up for the second. Raises OrderNotFoundError, OrderPaidError, WrongAmountError or
        KeyReusedError.
        """
        # The order is read first: if it is paid by then, its payment is among those read next.
        order = await self._orders.find(new.order_id)
        earlier = await self._earlier(new, key)
        if earlier is not None:
            await self._orders.mark_paid(earlier.order_id)
            _check_same(new, key, earlier)
            return earlier, False
        _check_payable(new, order)
        payment = await self._record(new, key)
        if payment is None:  # another call was quicker, and what it recorded is an earlier payment now
            return await self.pay(new, key=key)
        await self._orders.mark_paid(payment.order_id)
        return payment, True

    async def _earlier(self, new: NewPayment, key: str) -> Payment | None:
        return await self._db.fetchrow(
            """
            SELECT id, order_id, amount, created_at, idempotency_key FROM {{tables.payments}}
            WHERE idempotency_key = $1 OR order_id = $2
            ORDER BY idempotency_key = $1 DESC
            LIMIT 1
            """,
            key,
            new.order_id,
            into=Payment,
        )

    async def _record(self, new: NewPayment, key: str) -> Payment | None:
        return await self._db.fetchrow(
            """
            INSERT INTO {{tables.payments}} (idempotency_key, order_id, amount) VALUES ($1, $2, $3)
            ON CONFLICT DO NOTHING
            RETURNING id, order_id, amount, created_at, idempotency_key
            """,
            key,
            new.order_id,
            new.amount,
            into=Payment,
        )


def _check_same(new: NewPayment, key: str, earlier: Payment) -> None:
    if earlier.idempotency_key != key:
        raise OrderPaidError
    if (earlier.order_id, earlier.amount) != (new.order_id, new.amount):
        raise KeyReusedError


def _check_payable(new: NewPayment, order: PayableOrder | None) -> None:
    if order is None:
        raise OrderNotFoundError
    if order.is_paid:
        raise OrderPaidError
    if order.total != new.amount:
        raise WrongAmountError
