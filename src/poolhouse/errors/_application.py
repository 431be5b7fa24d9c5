"""Errors of running an application around the container."""

from __future__ import annotations

from poolhouse.errors._base import PoolhouseError


class AddressInUseError(PoolhouseError):
    """Another process listens on the address already."""

    def __init__(self, address: str, *, remedy: str) -> None:
        self.address = address
        super().__init__("the port is in use by another process", place=address, remedy=remedy)
