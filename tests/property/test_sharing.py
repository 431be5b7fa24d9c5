"""What the sharing of leases promises, whatever its services do and whenever they do it."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from poolhouse._core.sharing import Leasable, Sharing, Waiter

TURN = 4.0
SERVICES = st.sampled_from("aabbcd")
LIMITS = st.fixed_dictionaries({}, optional={service: st.integers(1, 3) for service in "abc"})


class SharedLeases(RuleBasedStateMachine):
    """A sharing beside a model of it: lists of who waits and of what is in use, and who was served when."""

    @initialize(limit=st.integers(1, 4), limits=LIMITS)
    def begin(self, limit, limits):
        self.limit = limit
        self.limits = limits
        self.sharing = Sharing(limit=limit, limits=limits, length_of_turn=TURN)
        self.now = 0.0
        self.idle: list[Leasable] = []
        self.free: list[Leasable] = []
        self.used: list[Leasable] = []
        self.queues: dict[str, list[Waiter]] = {service: [] for service in "abcd"}
        self.served_at: dict[str, int] = dict.fromkeys("abcd", 0)
        self.turns = count(1)
        # How many leases a service may have at most: above its limit only while it had them before that was lowered.
        self.most: dict[str, int] = {}
        # Which services were served since another, which may be served, is late.
        self.passed: dict[str, list[str]] = {}
        for _ in range(limit):
            self.connect()

    # What the model knows

    def limit_of(self, service):
        return min(self.limits.get(service, self.limit), self.limit)

    def in_use(self, service):
        return sum(lease.owner.service == service for lease in self.used)

    def is_eligible(self, service):
        return bool(self.queues[service]) and self.in_use(service) < self.limit_of(service)

    def eligible(self):
        return [service for service in self.queues if self.is_eligible(service)]

    def size(self):
        return len(self.idle) + len(self.used)

    def late(self):
        return [service for service in self.eligible() if self.now - self.queues[service][0].begun >= TURN]

    def is_kept(self, lease):
        is_busy = 2 * len(self.used) >= self.limit
        return lease not in self.free and is_busy and self.now - lease.since < TURN

    def may_have(self, service):
        """The leases that are idle and may be given to who waits for longest."""
        if service in self.late():
            return self.idle
        return [lease for lease in self.idle if not self.is_kept(lease)]

    # What may be given

    def expect_gift(self, waiter, lease, *, among, is_in_turn=False):
        """A lease was given to `waiter`: the first of the service that was served longest ago of those named."""
        service = waiter.share.service
        queue = self.queues[service]
        assert queue[0] is waiter, "who came first is served first"
        assert self.is_eligible(service), "nobody gets more than his limit"
        assert service in among
        assert self.served_at[service] == min(self.served_at[each] for each in among), "who was longest ago is next"
        for other in self.late():
            if other != service and not is_in_turn:
                self.passed.setdefault(other, []).append(service)
        queue.pop(0)
        self.served_at[service] = next(self.turns)
        self.passed.pop(service, None)
        self.used.append(lease)

    def offered(self, lease, waiter, *, owner, owned_since):
        service = None if owner is None else owner.service
        is_in_turn = self.now - owned_since < TURN
        is_anybody_late = bool([late for late in self.late() if late != service])
        if service is not None and self.is_eligible(service):
            among = [service] if is_in_turn or not is_anybody_late else self.eligible()
        else:
            is_kept = lease.owner is owner and self.is_kept(lease) and not is_anybody_late
            among = [] if is_kept else self.eligible()
        if waiter is None:
            assert not among
            self.idle.append(lease)
            self.free += [lease] if owner is None else []
        else:
            self.expect_gift(waiter, lease, among=among, is_in_turn=is_in_turn and among == [service])

    def served(self):
        # A lease that is given has an owner already when it is looked at here.
        self.free = [lease for lease in self.idle if lease.owner is None]
        for lease, waiter in self.sharing.serve(self.now):
            assert lease in self.may_have(waiter.share.service)
            among = [service for service in self.eligible() if self.may_have(service)]
            self.idle.remove(lease)
            self.expect_gift(waiter, lease, among=among)
        self.free = [lease for lease in self.idle if lease.owner is None]

    # What happens

    @rule(seconds=st.sampled_from([TURN / 4, TURN / 2, TURN]))
    def time_passes(self, seconds):
        self.now += seconds
        if self.sharing.due is not None and self.sharing.due <= self.now:
            self.served()

    @rule(services=st.lists(SERVICES, min_size=1, max_size=6))
    def several_ask(self, services):
        # One at a time, hardly anybody would ever wait.
        for service in services:
            self.ask(service)

    def ask(self, service):
        share = self.sharing.share(service)
        own = [lease for lease in self.idle if lease.owner is share]
        nobodys = [lease for lease in self.idle if lease.owner is None]
        free = [lease for lease in self.idle if not self.is_kept(lease)]
        may_have = (own or free) and self.in_use(service) < self.limit_of(service)
        lease = self.sharing.take(share, self.now)
        assert (lease is not None) == bool(may_have)
        if lease is None:
            waiter = Waiter(share, self.now)
            self.sharing.join(waiter)
            self.queues[service].append(waiter)
            return
        assert lease in (own or nobodys or free)
        assert own or lease.needs_hand_off, "what was another's is handed off"
        lease.since = self.now
        lease.needs_hand_off = False
        self.idle.remove(lease)
        self.free = [each for each in self.free if each is not lease]
        self.used.append(lease)

    @rule(numbers=st.lists(st.integers(0, 3), min_size=1, max_size=4))
    def several_give_back(self, numbers):
        # As many as ask, or the pool would always be busy.
        for number in numbers:
            if self.used:
                self.give_back(self.used.pop(number % len(self.used)))

    def give_back(self, lease):
        owner, owned_since = lease.owner, lease.owned_since
        if self.size() >= self.limit:
            self.sharing.end_use(lease)
            self.served()
        else:
            waiter = self.sharing.put_back(lease, self.now)
            self.offered(lease, waiter, owner=owner, owned_since=owned_since)

    @rule(data=st.data())
    def clear_for_nobody(self, data):
        if not self.used:
            return
        lease = data.draw(st.sampled_from(self.used))
        self.used.remove(lease)
        self.sharing.end_use(lease)
        lease.owner = None
        self.offered(lease, self.sharing.offer(lease, self.now), owner=None, owned_since=0.0)

    @rule(data=st.data())
    def break_in_use(self, data):
        if not self.used:
            return
        lease = data.draw(st.sampled_from(self.used))
        self.used.remove(lease)
        self.sharing.end_use(lease)
        self.served()

    @rule(data=st.data())
    def break_idle(self, data):
        if not self.idle:
            return
        lease = data.draw(st.sampled_from(self.idle))
        self.idle.remove(lease)
        self.sharing.remove(lease)

    @rule()
    def connect(self):
        if self.size() >= self.limit:
            return
        lease = Leasable()
        self.offered(lease, self.sharing.offer(lease, self.now), owner=None, owned_since=0.0)

    @rule(data=st.data(), is_repeated=st.booleans())
    def give_up(self, data, is_repeated):
        if not any(self.queues.values()):
            return
        waiter = data.draw(st.sampled_from([waiter for queue in self.queues.values() for waiter in queue]))
        self.sharing.leave(waiter)
        if is_repeated:
            self.sharing.leave(waiter)
        self.queues[waiter.share.service].remove(waiter)

    @rule(limit=st.integers(1, 4))
    def resize(self, limit):
        self.most = {service: self.in_use(service) for service in self.queues}
        self.limit = limit
        self.sharing.change_limit(limit)
        for lease in self.idle[: max(self.size() - limit, 0)]:
            self.idle.remove(lease)
            self.sharing.remove(lease)
        self.served()

    @rule()
    def disown(self):
        self.sharing.disown()
        assert all(lease.owner is None for lease in self.idle)
        self.served()

    # What holds at all times

    @invariant()
    def no_lease_is_idle_while_somebody_waits_who_may_have_it(self):
        assert not [service for service in self.eligible() if self.may_have(service)]

    @invariant()
    def nobody_waits_for_a_lease_that_is_kept_without_it_being_due_within_a_turn(self):
        if self.sharing.idle and self.eligible():
            assert self.sharing.is_keeping
            assert self.now < self.sharing.due <= self.now + TURN

    @invariant()
    def nobody_is_above_his_limit(self):
        for service in self.queues:
            used = self.in_use(service)
            self.most[service] = max(self.limit_of(service), min(self.most.get(service, 0), used))
            assert used <= self.most[service]

    @invariant()
    def nobody_who_is_late_is_passed_twice_by_the_same_service(self):
        for service in self.queues:
            if service not in self.late():
                self.passed.pop(service, None)
        for service, others in self.passed.items():
            assert len(others) == len(set(others)), f"{service} was passed by {others}"

    @invariant()
    def the_accounts_agree_with_the_model(self):
        shares = self.sharing.shares
        assert sorted(map(id, self.sharing.idle_leases())) == sorted(map(id, self.idle))
        assert self.sharing.idle == len(self.idle)
        assert self.sharing.waiting == sum(map(len, self.queues.values()))
        assert len(self.sharing.queued()) == self.sharing.waiting
        for service, queue in self.queues.items():
            if service in shares:
                assert list(shares[service].queue()) == queue
                assert (shares[service].in_use, shares[service].waiting) == (self.in_use(service), len(queue))
        room = {service: max(self.limit_of(service) - self.in_use(service), 0) for service in self.queues}
        usable = sum(min(len(queue), room[each]) for each, queue in self.queues.items())
        assert self.sharing.wanted == max(usable - len(self.idle), 0)


TestSharedLeases = SharedLeases.TestCase
TestSharedLeases.settings = settings(max_examples=250, stateful_step_count=40, deadline=None)


@st.composite
def crowds(draw):
    """Services that never stop asking, with limits or without, and how long each of their uses takes."""
    services = draw(st.integers(1, 5))
    leases = draw(st.integers(1, 4))
    limits = draw(st.dictionaries(st.sampled_from([f"busy{number}" for number in range(services)]), st.integers(1, 4)))
    longest = draw(st.sampled_from([TURN / 10, TURN, TURN * 5]))
    durations = draw(st.lists(st.floats(longest / 100, longest), min_size=1, max_size=30))
    tasks = draw(st.integers(1, 4))
    return services, leases, limits, longest, durations, tasks


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(crowds(), st.floats(0, TURN * 5))
def test_a_service_that_waits_is_served_within_a_turn_and_a_use_for_each_service_there_is(crowd, begin):
    """However many ask without end: N services, turns of T, uses of at most U: no wait is longer than T + N * (T + U).

    After T he is late. A lease out of turn then goes to whoever was served longest ago, so to each of the others once
    at most before it comes to the one who waits; and each lease is out of turn, and given back, at least once in T + U.
    """
    services, leases, limits, longest, durations, tasks = crowd
    clock = Clock(leases, limits, durations)
    for number in range(services):
        for _ in range(leases + tasks):
            clock.ask(f"busy{number}", 0.0)
    clock.run(until=begin)

    rare = clock.ask("rare", max(begin, clock.now))

    clock.run_until_served(rare, within=TURN + (services + 1) * (TURN + longest))


class Clock:
    """Lets services use leases for as long as `durations` says, and ask again at once where they are busy."""

    def __init__(self, leases, limits, durations):
        self.sharing = Sharing(limit=leases, limits=limits, length_of_turn=TURN)
        self.durations = durations
        self.now = 0.0
        self.uses = 0
        self.ends: list[tuple[float, int, Leasable]] = []
        self.begun: set[Waiter] = set()
        for _ in range(leases):
            self.sharing.offer(Leasable(), 0.0)

    def ask(self, service, now):
        waiter = Waiter(self.sharing.share(service), now)
        lease = self.sharing.take(waiter.share, now)
        if lease is None:
            self.sharing.join(waiter)
        else:
            self._use(lease, waiter, now)
        return waiter

    def _use(self, lease, waiter, now):
        self.begun.add(waiter)
        self.uses += 1
        heappush(self.ends, (now + self.durations[self.uses % len(self.durations)], self.uses, lease))
        lease.since = now

    def _step(self):
        due = self.sharing.due
        if due is not None and due <= self.ends[0][0]:
            self.now = due
            for lease, waiter in self.sharing.serve(due):
                self._use(lease, waiter, due)
            return
        self.now, _, lease = heappop(self.ends)
        service = lease.owner.service
        waiter = self.sharing.put_back(lease, self.now)
        if waiter is not None:
            self._use(lease, waiter, self.now)
        if service.startswith("busy"):
            self.ask(service, self.now)

    def run(self, *, until):
        while self.ends and self.ends[0][0] < until:
            self._step()

    def run_until_served(self, waiter, *, within):
        while waiter not in self.begun:
            assert self.ends[0][0] <= waiter.begun + within, "it waits for too long"
            self._step()
