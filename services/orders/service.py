"""What can be done with orders."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from poolhouse.schema import SchemaManager
from services.orders.models import NewOrder, Order, OrderHead, OrderLine, Page, total_of
from services.orders.ports import Accounts


class UnknownUserError(Exception):
    """There is no user to place this order for."""


class OrderNotFoundError(Exception):
    """There is no such order."""


class Orders:
    """Places orders and finds them."""

    def __init__(self, db: SchemaManager, accounts: Accounts) -> None:
        self._db = db
        self._accounts = accounts

    async def place(self, new: NewOrder) -> Order:
        """Place an order, all of its lines or nothing; raises UnknownUserError."""
        # Asked before the transaction begins: who waits for another service should hold no connection.
        if not await self._accounts.exists(new.user_id):
            raise UnknownUserError
        async with self._db.transaction():
            [head] = await self._db.fetch(
                "INSERT INTO {{tables.orders}} (user_id) VALUES ($1) RETURNING id, user_id, status",
                new.user_id,
                into=OrderHead,
            )
            await self._db.copy_records_to_table(
                "lines",
                columns=["order_id", "position", "sku", "quantity", "unit_price"],
                records=[
                    (head.id, position, line.sku, line.quantity, line.unit_price)
                    for position, line in enumerate(new.lines)
                ],
            )
            [order] = await self._with_lines([head])
        return order

    async def find(self, order_id: int) -> Order | None:
        """Return the order with its lines, or None when there is none with this id."""
        heads = await self._db.fetch(
            "SELECT id, user_id, status FROM {{tables.orders}} WHERE id = $1", order_id, into=OrderHead
        )
        return next(iter(await self._with_lines(heads)), None)

    async def page(self, user_id: int, *, limit: int, after: int | None) -> Page:
        """Return a user's newest orders, at most `limit`, or those placed before the order `after`."""
        heads = await self._db.fetch(
            """
            SELECT id, user_id, status FROM {{tables.orders}}
            WHERE user_id = $1 AND ($2::bigint IS NULL OR id < $2)
            ORDER BY id DESC
            LIMIT $3
            """,
            user_id,
            after,
            limit + 1,  # one more than is shown tells whether there is a next page
            into=OrderHead,
        )
        items = await self._with_lines(heads[:limit])
        return Page(items=items, next=items[-1].id if len(heads) > limit else None)

    async def mark_paid(self, order_id: int) -> None:
        """Make the order a paid one; doing so again changes nothing."""
        await self._db.execute(
            "UPDATE {{tables.orders}} SET status = 'paid' WHERE id = $1 AND status <> 'paid'", order_id
        )

    async def _with_lines(self, heads: Sequence[OrderHead]) -> list[Order]:
        rows = await self._db.fetch(
            """
            SELECT order_id, sku, quantity, unit_price FROM {{tables.lines}}
            WHERE order_id = ANY($1)
            ORDER BY order_id, position
            """,
            [head.id for head in heads],
            into=OrderLine,
        )
        lines = {order_id: list(group) for order_id, group in groupby(rows, attrgetter("order_id"))}
        return [Order(**dict(head), lines=lines[head.id], total=total_of(lines[head.id])) for head in heads]
