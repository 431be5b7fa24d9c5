"""The HTTP routes of payments."""

from typing import Annotated

from fastapi import Header, Response

from poolhouse.integrations.fastapi import Injected, Router
from services.payments.models import IdempotencyKey, NewPayment, Payment
from services.payments.service import (
    KeyReusedError,
    OrderNotFoundError,
    OrderPaidError,
    Payments,
    WrongAmountError,
)

router = Router(
    prefix="/payments",
    tags=["payments"],
    problems={OrderNotFoundError: 404, OrderPaidError: 409, WrongAmountError: 422, KeyReusedError: 422},
)


@router.post("", status_code=201, responses={200: {"model": Payment, "description": "It was paid before, like this."}})
async def pay(
    new: NewPayment,
    idempotency_key: Annotated[IdempotencyKey, Header()],
    payments: Injected[Payments],
    response: Response,
) -> Payment:
    """Pay an order; to repeat the same request with the same key is safe, and answers 200."""
    payment, is_new = await payments.pay(new, key=idempotency_key)
    if not is_new:
        response.status_code = 200
    return payment
