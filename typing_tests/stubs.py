"""Stubs of ports: what they answer is of the types of the port."""

from collections.abc import Mapping
from typing import Any, Protocol, assert_type

from poolhouse.testing import Answer, Stub


class Accounts(Protocol):
    @property
    def region(self) -> str: ...

    async def exists(self, user_id: int) -> bool: ...

    def name(self, user_id: int) -> str | None: ...

    async def forget(self, user_id: int) -> None: ...


accounts = Stub(Accounts, region="eu")


async def slowly(user_id: int) -> bool:
    return user_id < 100


def answered() -> None:
    assert_type(accounts, Stub[Accounts])
    assert_type(accounts.port, Accounts)
    assert_type(accounts.kind, type[Accounts])
    exists: Answer[..., bool] = accounts.answer(Accounts.exists)
    exists.returns(value=True)
    accounts.answer(Accounts.exists).raises(ConnectionError())
    accounts.answer(Accounts.exists).by(lambda user_id: user_id < 100)
    accounts.answer(Accounts.exists).by(slowly)
    accounts.answer(Accounts.name).returns(None)
    accounts.answer(Accounts.name).returns("Ada")
    accounts.answer(Accounts.forget).returns(None)
    assert_type(accounts.calls(Accounts.exists), tuple[Mapping[str, Any], ...])


# What is wrong


def answered_wrongly() -> None:
    accounts.answer(Accounts.exists).returns("yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    accounts.answer(Accounts.name).returns(7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    accounts.answer(Accounts.exists).by(lambda user_id: "yes")  # type: ignore[arg-type, return-value]  # pyright: ignore[reportArgumentType]
    accounts.answer(Accounts.exists).by(len)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    accounts.answer(Accounts.exists).raises("no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    accounts.answer("exists")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    accounts.port.exist(7)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
