"""Judging how providers are put together, on a picture of them and without calling any."""

from poolhouse._core.wiring.callee import Callee, read_callee
from poolhouse._core.wiring.judging import judge
from poolhouse._core.wiring.picture import Argument, Filling, Finding, Need, Node, Picture
from poolhouse._core.wiring.products import (
    UNKNOWN,
    Handed,
    Made,
    Product,
    Value,
    attribute_of,
    lacks,
    product_of,
    returned_by,
)

__all__ = [
    "UNKNOWN",
    "Argument",
    "Callee",
    "Filling",
    "Finding",
    "Handed",
    "Made",
    "Need",
    "Node",
    "Picture",
    "Product",
    "Value",
    "attribute_of",
    "judge",
    "lacks",
    "product_of",
    "read_callee",
    "returned_by",
]
