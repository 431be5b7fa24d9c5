"""Kinds of values that every service takes at its edge; what PostgreSQL could not store is refused there."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, PlainSerializer, StringConstraints

# Every bigint, zero and negative ones too: an id that nobody has is unknown, not malformed.
Id = Annotated[int, Field(ge=-(2**63), lt=2**63)]

# Control characters, NUL before all, have no place in what is shown on one line.
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")]

# A string in JSON, since many readers take a number for a float; never in exponent notation.
Money = Annotated[Decimal, PlainSerializer(lambda amount: format(amount, "f"), return_type=str)]
