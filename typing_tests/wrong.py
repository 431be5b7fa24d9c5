"""Mistakes that both type checkers must report."""

from typing import assert_type

from dependency_injector import providers

from poolhouse import DatabaseSettings, MigrationSet, SchemaManager, SharedPool
from poolhouse.container import BackgroundTask, Container, Injected, inject
from poolhouse.integrations.fastapi import Router


class Users:
    def __init__(self, db: SchemaManager) -> None: ...


class Orders: ...


class Fake(Users): ...


async def work() -> None: ...


class App(Container):
    users = providers.Factory(Users)


app = App()
pool = SharedPool(DatabaseSettings())
db = SchemaManager(pool, schema="users")

# What is resolved is what the class or the provider says.
orders: Orders = app.resolve(Users)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
others: Orders = app.resolver(app.users)()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

# Neither names nor objects are resolved, as at run time.
app.resolve("users")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
app.resolver(Users(db))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# What is resolved takes no arguments.
app.resolver(Users)(db)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

# Wrong keywords and wrong types of what containers build.
SchemaManager(pool, shema="users")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
SchemaManager(pool, "users")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
MigrationSet(pool, "migrations/users")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
BackgroundTask(work, on_crash="ignore")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# What takes the place of something is of its kind, where that is known.
app.overriding(app.users, Fake(db))
app.overriding(app.users, providers.Factory(Fake))
app.overriding(app.users, Orders())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
app.overriding(app.users, providers.Factory(Orders))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
app.overriding("users", Orders())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


# An injected object has its own attributes only, and what a filled function returns is known.
def wrong(users: Injected[Users]) -> int:
    users.missing()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    return 1


assert_type(app.inject(wrong)(), str)  # type: ignore[assert-type]  # pyright: ignore[reportAssertTypeFailure]
assert_type(inject(wrong)(), str)  # type: ignore[assert-type]  # pyright: ignore[reportAssertTypeFailure]
app.inject("wrong")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

Router(problems={KeyError: "404"})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
