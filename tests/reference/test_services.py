"""Each service alone: what it needs of others is a stub of its port."""

from __future__ import annotations

from decimal import Decimal

import pytest

from poolhouse.testing import Stub
from services.orders import NewOrder
from services.orders.ports import Accounts
from services.orders.service import UnknownUserError
from services.payments.models import NewPayment
from services.payments.ports import PayableOrder, PayableOrders
from services.payments.service import WrongAmountError

ORDER = NewOrder.model_validate({"user_id": 7, "lines": [{"sku": "tea", "quantity": 3, "unit_price": "19.99"}]})


async def test_an_order_is_placed_for_a_user_who_exists(slice_of):
    async with slice_of("orders") as orders:
        accounts = orders.stub(Accounts)
        accounts.answer(Accounts.exists).returns(value=True)
        order = await orders.container.service().place(ORDER)
        assert order.total == Decimal("59.97")
        assert accounts.calls(Accounts.exists) == ({"user_id": 7},)


async def test_nothing_is_asked_of_the_database_for_a_user_who_does_not(slice_of, queries):
    async with slice_of("orders") as orders:
        orders.stub(Accounts).answer(Accounts.exists).returns(value=False)
        with pytest.raises(UnknownUserError):
            await orders.container.service().place(ORDER)
        assert len(queries) == 0


async def test_a_page_takes_two_statements_however_many_orders_there_are(slice_of, queries):
    async with slice_of("orders") as orders:
        orders.stub(Accounts).answer(Accounts.exists).returns(value=True)
        for _ in range(5):
            await orders.container.service().place(ORDER)
        with queries.each_at_most(1):
            page = await orders.container.service().page(7, limit=5, after=None)
        assert len(page.items) == 5


@pytest.fixture
async def payments(slice_of):
    """Payments for one order, of 59.97, that is somebody else's business."""
    async with slice_of("payments") as payments:
        order = Stub(PayableOrder, total=Decimal("59.97"), is_paid=False)
        payments.stub(PayableOrders).answer(PayableOrders.find).returns(order.port)
        yield payments


async def test_an_order_that_was_paid_is_marked_once(payments):
    new = NewPayment(order_id=1, amount=Decimal("59.97"))
    await payments.container.service().pay(new, key="key-1")
    assert payments.stub(PayableOrders).calls(PayableOrders.mark_paid) == ({"order_id": 1},)


async def test_a_wrong_amount_marks_nothing(payments):
    with pytest.raises(WrongAmountError):
        await payments.container.service().pay(NewPayment(order_id=1, amount=Decimal(1)), key="key-1")
    assert payments.stub(PayableOrders).calls(PayableOrders.mark_paid) == ()
