"""What dependency-injector wires; tests wire containers to this module, and unwire them."""

from typing import Annotated

from dependency_injector.wiring import Provide, inject
from fastapi import Depends


@inject
def by_default(service=Provide["users.service"]):
    return service


@inject
async def awaited(service=Provide["users.service"]):
    return service


@inject
async def endpoint(service: Annotated[object, Depends(Provide["users.service"])]):
    return str(service)
