from __future__ import annotations

import pytest

from poolhouse.errors import NotNullViolationError, RepeatedQueriesError
from services.users import NewUser

ONE = "SELECT $1::int AS one"


@pytest.fixture
def db(application):
    return application.users.db()


async def test_each_statement_is_recorded_with_where_it_was_run(db, queries):
    await db.fetchval(ONE, 1)
    [query] = queries
    assert (query.service, query.statement, query.has_failed) == ("users", ONE, False)
    line = test_each_statement_is_recorded_with_where_it_was_run.__code__.co_firstlineno + 1
    assert query.place == f"tests/integration/testing/test_queries.py:{line}"
    assert 0 < query.seconds < 60


async def test_no_argument_is_recorded(db, queries):
    await db.fetchval("SELECT $1::text", "s3cret")
    assert "s3cret" not in repr([*queries, queries.summary()])


async def test_transactions_are_no_queries(db, queries):
    async with db.transaction(), db.transaction():
        await db.fetchval(ONE, 1)
    assert [query.statement for query in queries] == [ONE]


async def test_statements_that_fail_are_recorded(db, queries):
    with pytest.raises(NotNullViolationError):
        await db.execute("INSERT INTO {{tables.users}} (email) VALUES ('ada@example.com')")
    assert [query.has_failed for query in queries] == [True]


async def test_a_summary_has_each_statement_once_the_most_frequent_first(application, queries):
    for number in range(3):
        await application.users.service().register(NewUser(email=f"{number}@example.com", name="Ada"))
    await application.users.service().exists(1)
    first, second = queries.summary()
    assert (first.service, first.count, second.count) == ("users", 3, 1)
    assert "INSERT INTO {{tables.users}}" in first.statement
    assert str(first).startswith("users: 3 times, from services/users/service.py:")
    assert first.seconds >= 0
    assert (len(queries), len(queries.of("users")), queries.of("orders")) == (4, 4, ())


async def test_a_query_for_each_row_of_another_is_told(application, queries):
    async def ask():
        for user_id in range(3):
            await application.users.service().exists(user_id)
        await application.users.db().fetchval(ONE, 1)

    with pytest.raises(RepeatedQueriesError) as told, queries.each_at_most(2):
        await ask()
    assert "more often than 2 times" in str(told.value)
    assert "users: 3 times, from services/users/service.py:" in str(told.value)
    assert ONE not in str(told.value)


async def test_what_is_allowed_is_not_told(application, queries):
    await application.users.service().exists(1)
    with queries.each_at_most(1):
        await application.users.service().exists(1)
        await application.orders.db().fetchval(ONE, 1)


async def test_a_failing_block_fails_as_it_does(application, queries):
    with pytest.raises(ZeroDivisionError), queries.each_at_most(1):
        raise ZeroDivisionError


async def test_slices_are_recorded_too(slice_of, queries):
    async with slice_of("users") as users:
        await users.container.service().exists(1)
    assert [query.service for query in queries] == ["users"]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("nth", [1, 2])
async def test_each_test_has_queries_of_its_own(application, queries, nth):
    await application.users.service().exists(1)
    assert len(queries) == 1
