"""Markers that no container of the tests can resolve."""

from dependency_injector.wiring import Provide, inject


@inject
def one(service=Provide["users.servise"]):
    return service


@inject
def other(service=Provide["orders.service"]):
    return service


@inject
def right(service=Provide["users.service"]):
    return service
