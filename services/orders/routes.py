"""The HTTP routes of orders."""

from typing import Annotated

from fastapi import Query

from poolhouse.integrations.fastapi import Injected, Router
from services.fields import Id
from services.orders.models import NewOrder, Order, Page
from services.orders.service import OrderNotFoundError, Orders, UnknownUserError

router = Router(prefix="/orders", tags=["orders"], problems={UnknownUserError: 422, OrderNotFoundError: 404})


@router.post("", status_code=201, responses=router.raises(UnknownUserError))
async def place(new: NewOrder, orders: Injected[Orders]) -> Order:
    """Place an order for a registered user."""
    return await orders.place(new)


@router.get("", responses=router.raises())
async def page(
    user_id: Id,
    orders: Injected[Orders],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[Id | None, Query(description="`next` of the page before")] = None,
) -> Page:
    """List the orders of a user, newest first."""
    return await orders.page(user_id, limit=limit, after=after)


@router.get("/{order_id}", responses=router.raises(OrderNotFoundError))
async def show(order_id: Id, orders: Injected[Orders]) -> Order:
    """Show one order."""
    order = await orders.find(order_id)
    if order is None:
        raise OrderNotFoundError
    return order
