"""Payments: each order is paid once and only once."""

from services.payments.models import NewPayment, Payment
from services.payments.routes import router
from services.payments.service import Payments

__all__ = ["NewPayment", "Payment", "Payments", "router"]
