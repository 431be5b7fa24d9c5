"""Orders: what users want to buy."""

from services.orders.models import NewOrder, Order
from services.orders.routes import router
from services.orders.service import OrderNotFoundError, Orders, UnknownUserError

__all__ = ["NewOrder", "Order", "OrderNotFoundError", "Orders", "UnknownUserError", "router"]
