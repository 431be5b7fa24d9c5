"""Who gets which lease, case by case; all of it at once in the property tests."""

from __future__ import annotations

import pytest

from poolhouse._core.sharing import Leasable, Sharing, Waiter

TURN = 10.0


def sharing_of(count, *, limits=None):
    """A sharing with so many idle leases that are nobody's."""
    sharing = Sharing(limit=count, limits=limits or {}, length_of_turn=TURN)
    leases = [Leasable() for _ in range(count)]
    for lease in leases:
        assert sharing.offer(lease, 0.0) is None
    return sharing, leases


def take(sharing, service, *, now=0.0):
    return sharing.take(sharing.share(service), now)


def wait(sharing, *services, begun=0.0):
    waiters = [Waiter(sharing.share(service), begun) for service in services]
    for waiter in waiters:
        sharing.join(waiter)
    return waiters


def test_a_fresh_lease_is_not_ready_for_anybody():
    sharing, _ = sharing_of(1)

    lease = take(sharing, "users")

    assert lease.needs_hand_off
    assert lease.owner is sharing.share("users")


def test_a_service_gets_its_own_lease_again_as_it_is():
    sharing, _ = sharing_of(2)
    lease, other = take(sharing, "users"), take(sharing, "orders")
    lease.needs_hand_off = other.needs_hand_off = False
    sharing.put_back(lease, 1.0)
    sharing.put_back(other, 1.0)

    assert take(sharing, "users") is lease
    assert not lease.needs_hand_off


def test_of_its_own_leases_a_service_gets_the_one_used_last():
    sharing, _ = sharing_of(2)
    first, second = take(sharing, "users"), take(sharing, "users")
    sharing.put_back(second, 1.0)
    sharing.put_back(first, 2.0)

    assert take(sharing, "users") is first


def test_nobodys_lease_is_taken_before_anothers():
    sharing, _ = sharing_of(2)
    lease = take(sharing, "users")
    sharing.put_back(lease, 1.0)

    assert take(sharing, "orders") is not lease


def test_of_others_leases_the_one_unused_for_longest_is_taken():
    sharing, _ = sharing_of(3)
    leases = [take(sharing, service) for service in ("users", "orders", "users")]
    for lease, since in zip(leases, (3.0, 1.0, 2.0), strict=True):
        lease.since = since
        sharing.put_back(lease, 4.0)

    assert take(sharing, "payments") is leases[1]
    assert leases[1].needs_hand_off


def test_a_lease_whose_owner_waits_stays_with_him_within_his_turn():
    sharing, _ = sharing_of(1)
    lease = take(sharing, "users", now=0.0)
    _, own = wait(sharing, "orders", "users")

    assert sharing.put_back(lease, TURN - 0.1) is own


def test_a_turn_goes_on_while_nobody_else_has_waited_for_as_long_as_one():
    sharing, _ = sharing_of(1)
    lease = take(sharing, "users", now=0.0)
    _, own = wait(sharing, "orders", "users", begun=TURN)

    assert sharing.put_back(lease, TURN * 2 - 0.1) is own


def test_who_may_not_be_served_ends_no_turn_by_being_late():
    sharing, _ = sharing_of(2, limits={"reports": 1})
    take(sharing, "reports")
    lease = take(sharing, "users")
    wait(sharing, "reports")
    _, own = wait(sharing, "orders", "users", begun=TURN - 1)

    assert sharing.put_back(lease, TURN) is own


def test_a_turn_that_is_over_gives_the_lease_to_another_who_waits():
    sharing, _ = sharing_of(1)
    lease = take(sharing, "users", now=0.0)
    first, other, _ = wait(sharing, "users", "orders", "users")
    assert sharing.put_back(lease, 0.0) is first

    assert sharing.put_back(lease, TURN) is other
    assert lease.owned_since == TURN


def test_a_turn_begins_anew_where_nobody_else_waits():
    sharing, _ = sharing_of(1)
    lease = take(sharing, "users", now=0.0)
    wait(sharing, "users", "users")
    sharing.put_back(lease, TURN)
    wait(sharing, "orders")

    assert sharing.put_back(lease, TURN * 2 - 0.1).share.service == "users"


def test_after_a_turn_the_service_that_was_served_longest_ago_is_next():
    sharing, _ = sharing_of(1)
    lease = take(sharing, "a")
    wait(sharing, *"abcabc")

    served = [sharing.put_back(lease, TURN * number).share.service for number in range(1, 7)]

    assert served == list("abcabc")


# Leases that are kept


def busy_sharing():
    """A pool of two: orders hold one lease, and users have used the other a moment ago; who comes next?"""
    sharing, _ = sharing_of(2)
    assert take(sharing, "orders") is not None
    return sharing, take(sharing, "users")


def test_in_a_busy_pool_a_lease_is_kept_for_its_service():
    sharing, lease = busy_sharing()
    wait(sharing, "orders")

    assert sharing.put_back(lease, 1.0) is None
    assert take(sharing, "orders", now=1.0) is None
    assert take(sharing, "users", now=1.0) is lease


def test_a_lease_is_not_kept_where_less_than_half_of_the_pool_is_in_use():
    sharing, leases = sharing_of(3)
    lease, *_ = [take(sharing, "users") for _ in leases]
    for other in leases:
        if other is not lease:
            sharing.put_back(other, 0.0)

    assert take(sharing, "orders", now=0.0) is not None


def test_a_lease_that_was_not_used_for_a_turn_is_kept_no_longer():
    sharing, lease = busy_sharing()
    lease.since = 1.0
    sharing.put_back(lease, 2.0)
    assert take(sharing, "orders", now=TURN + 0.9) is None

    assert take(sharing, "orders", now=TURN + 1) is lease


def test_a_lease_whose_use_took_a_turn_is_not_kept():
    sharing, lease = busy_sharing()
    (waiter,) = wait(sharing, "orders", begun=TURN - 1)

    assert sharing.put_back(lease, TURN) is waiter


def test_who_is_late_gets_what_is_given_back():
    sharing, lease = busy_sharing()
    lease.since = TURN - 1
    (waiter,) = wait(sharing, "orders")

    assert sharing.put_back(lease, TURN) is waiter


def test_who_is_late_gets_what_was_kept_when_that_is_due():
    sharing, lease = busy_sharing()
    lease.since = 3.0
    (waiter,) = wait(sharing, "orders", begun=2.0)
    sharing.put_back(lease, 4.0)

    assert sharing.due == TURN + 2
    assert sharing.serve(TURN + 1.9) == []
    assert sharing.serve(TURN + 2) == [(lease, waiter)]


def test_who_waits_gets_what_was_kept_when_it_was_not_used_for_a_turn():
    sharing, lease = busy_sharing()
    lease.since = 2.0
    (waiter,) = wait(sharing, "orders", begun=3.0)
    sharing.put_back(lease, 4.0)

    assert sharing.due == TURN + 2
    assert sharing.serve(TURN + 2) == [(lease, waiter)]


def test_of_those_who_are_late_the_service_served_longest_ago_gets_what_was_kept():
    sharing, lease = busy_sharing()
    sharing.share("a").turn, sharing.share("b").turn = 2, 1
    wait(sharing, "a")
    (longest_ago,) = wait(sharing, "b")
    lease.since = 3.0
    sharing.put_back(lease, 4.0)

    assert sharing.serve(TURN) == [(lease, longest_ago)]


def test_who_has_no_time_to_wait_takes_what_is_kept():
    sharing, lease = busy_sharing()
    sharing.put_back(lease, 1.0)

    assert sharing.take(sharing.share("orders"), 1.0, is_late=True) is lease


def test_nothing_is_due_where_nobody_waits_or_nothing_is_kept():
    sharing, lease = busy_sharing()
    wait(sharing, "orders")
    assert sharing.due is None

    sharing.put_back(lease, 1.0)
    sharing.leave(sharing.queued()[0])

    assert sharing.due is None


def test_a_lease_that_is_kept_is_wanted_no_second_time():
    sharing, _ = sharing_of(3)
    sharing.change_limit(4)
    lease, *_ = [take(sharing, service) for service in ("users", "orders", "orders")]
    wait(sharing, "orders", "orders")
    sharing.put_back(lease, 1.0)

    assert sharing.idle == 1
    assert sharing.wanted == 1


# Who is next


def test_who_came_first_is_first_within_a_service():
    sharing, _ = sharing_of(1)
    lease = take(sharing, "users")
    waiters = wait(sharing, "users", "users", "users")

    assert [sharing.put_back(lease, 0.0) for _ in waiters] == waiters


def test_who_has_left_is_passed_over():
    sharing, _ = sharing_of(1)
    lease = take(sharing, "users")
    first, second = wait(sharing, "users", "users")

    sharing.leave(first)
    sharing.leave(first)

    assert sharing.waiting == 1
    assert sharing.queued() == [second]
    assert sharing.put_back(lease, 0.0) is second
    assert sharing.put_back(lease, 0.0) is None


def test_a_service_at_its_limit_gets_nothing_and_holds_up_nobody():
    sharing, _ = sharing_of(2, limits={"reports": 1})
    take(sharing, "reports")
    other = take(sharing, "users")
    assert take(sharing, "reports") is None
    _, waiter = wait(sharing, "reports", "users")

    assert sharing.put_back(other, TURN) is waiter


def test_a_service_at_its_limit_is_served_as_soon_as_it_is_below():
    sharing, _ = sharing_of(2, limits={"reports": 1})
    lease = take(sharing, "reports")
    (waiter,) = wait(sharing, "reports")

    assert sharing.idle == 1
    assert sharing.put_back(lease, 0.0) is waiter


@pytest.mark.parametrize(("limits", "wanted"), [({}, 4), ({"reports": 2}, 1)])
def test_no_more_leases_are_wanted_than_could_be_used(limits, wanted):
    sharing, _ = sharing_of(1, limits=limits)
    sharing.change_limit(5)
    take(sharing, "reports")
    wait(sharing, *["reports"] * 6)

    assert sharing.wanted == wanted


def test_a_service_above_a_lowered_limit_takes_no_lease_from_what_others_want():
    sharing, _ = sharing_of(3)
    for _ in range(3):
        take(sharing, "users")
    sharing.change_limit(1)
    wait(sharing, "users", "orders")

    assert sharing.wanted == 1


def test_a_raised_limit_serves_those_who_wait_the_one_served_longest_ago_first():
    sharing, leases = sharing_of(3)
    sharing.change_limit(1)
    lease = take(sharing, "users")
    first, second = wait(sharing, "users", "users")
    assert take(sharing, "users") is None

    sharing.change_limit(3)
    served = sharing.serve(0.0)

    assert [waiter for _, waiter in served] == [first, second]
    assert {lease, *(given for given, _ in served)} == set(leases)
    assert sharing.idle == 0


def test_what_is_disowned_is_handed_off_before_anybody_uses_it_again():
    sharing, _ = sharing_of(1)
    lease = take(sharing, "users")
    lease.needs_hand_off = False
    sharing.put_back(lease, 0.0)

    sharing.disown()

    assert lease.owner is None
    assert take(sharing, "users") is lease
    assert lease.needs_hand_off


def test_what_is_removed_is_given_to_nobody():
    sharing, leases = sharing_of(2)
    lease = take(sharing, "users")
    sharing.put_back(lease, 0.0)
    sharing.remove(lease)
    sharing.remove(next(other for other in leases if other is not lease))

    assert sharing.idle_leases() == []
    assert take(sharing, "users") is None


def test_those_who_gave_up_are_forgotten_though_nobody_of_their_service_is_served():
    sharing, _ = sharing_of(1)
    take(sharing, "users")
    first, *others = wait(sharing, *["users"] * 1000)

    for waiter in others:
        sharing.leave(waiter)

    assert sharing.queued() == [first]
    assert len(first.share._queue) < 50
