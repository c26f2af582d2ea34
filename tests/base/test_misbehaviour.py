"""What becomes of a call under faults is decided by the orders, the clock and the chance that were passed in; and counted."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.base import faults
from alys.base.faults import AnyFault, BadFault, Reorg
from alys.base.misbehaviour import FAULTS_MAX, UNTOUCHED, Misbehaviour, Scope
from alys.base.prng import SeededRandom

CALLS = frozenset({"getblock", "getblockcount", "eth_call", "eth_chainId"})


@dataclasses.dataclass
class Ground:
    """A service's clock, its deeds, and its misbehaviour."""

    service: str = "bitcoin"
    seed: int = 1
    time: float = 1000.0
    done: list[Reorg] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        scope = Scope(service=self.service, calls=CALLS)
        random = SeededRandom(self.seed)
        self.it = Misbehaviour(lambda: self.time, random, scope, {"reorg": self.reorg})

    def reorg(self, fault: Reorg) -> int:
        if fault.depth > 5:
            raise BadFault("too deep")
        self.done.append(fault)
        return fault.depth

    def counts(self) -> list[tuple[int, int | None, str]]:
        return [(one.touched, one.left, one.ended) for one in self.it.view()]


def ending(ground: Ground, call: str = "getblock", key: bytes = b"") -> str:
    found = ground.it.treat(call, key).ending
    return "" if found is None else found.kind


def test_without_faults_a_call_is_untouched_and_no_chance_is_drawn() -> None:
    ground = Ground()
    assert ground.it.idle
    assert ground.it.treat("getblock") is UNTOUCHED
    assert not ground.it.bites("unhealthy")
    assert ground.it.now() == 1000.0
    assert ground.it._random.bits() == SeededRandom(1).bits()


def test_a_certain_fault_draws_no_chance_either() -> None:
    ground = Ground()
    ground.it.add(faults.Error(), faults.Latency(ms=5))
    ground.it.treat("getblock")
    assert ground.it._random.bits() == SeededRandom(1).bits()


def test_a_fault_bites_its_calls_alone_and_counts_them() -> None:
    ground = Ground()
    ground.it.add(faults.Hang(calls=("eth_*",)))
    assert [ending(ground, call) for call in ("eth_call", "getblock", "eth_chainId")] == [
        "hang",
        "",
        "hang",
    ]
    assert ground.counts() == [(2, None, "")]


def test_after_so_many_times_it_has_ended_and_keeps_its_count() -> None:
    ground = Ground()
    ground.it.add(faults.Error(times=2))
    assert [ending(ground) for _ in range(3)] == ["error", "error", ""]
    assert ground.counts() == [(2, 0, "times")]
    assert ground.it.idle


def test_after_its_time_on_the_services_clock_it_has_ended() -> None:
    ground = Ground()
    ground.it.add(faults.Error(duration_s=5))
    ground.time += 4.9
    assert ending(ground) == "error"
    ground.time += 0.1
    assert ending(ground) == ""
    assert ground.counts() == [(1, None, "duration")]


def test_latencies_add_up_and_come_before_the_end() -> None:
    ground = Ground()
    ground.it.add(faults.Latency(ms=500), faults.Refuse(), faults.Latency(ms=250, times=1))
    first, second = ground.it.treat("getblock"), ground.it.treat("getblock")
    assert (first.delay_s, second.delay_s) == (0.75, 0.5)
    assert first.ending == second.ending == faults.Refuse()
    assert ground.counts() == [(2, None, ""), (2, None, ""), (1, 0, "times")]


def test_of_two_endings_the_first_ordered_takes_the_call_and_the_other_counts_nothing() -> None:
    ground = Ground()
    ids = ground.it.add(faults.Drop(times=1), faults.Malformed())
    treated = ground.it.treat("getblock")
    assert (treated.ending, treated.id) == (faults.Drop(times=1), ids[0])
    assert ground.counts() == [(1, 0, "times"), (0, None, "")]
    assert ending(ground) == "malformed"


def test_jitter_lies_between_nothing_and_itself() -> None:
    ground = Ground()
    ground.it.add(faults.Latency(ms=100, jitter_ms=50))
    found = [ground.it.treat("getblock").delay_s for _ in range(50)]
    assert 0.1 <= min(found) < max(found) < 0.15
    again = Ground()
    again.it.add(faults.Latency(ms=100, jitter_ms=50))
    assert found == [again.it.treat("getblock").delay_s for _ in range(50)]


def test_a_rate_takes_its_share() -> None:
    ground = Ground()
    ground.it.add(faults.Error(rate=0.25))
    bitten = sum(ending(ground) == "error" for _ in range(1000))
    assert 200 < bitten < 300
    assert ground.counts() == [(bitten, None, "")]


def test_a_stale_answer_is_the_first_since_the_fault_and_is_counted_when_given() -> None:
    ground = Ground()
    ground.it.add(faults.Stale(calls=("getblock",), times=2))

    def asked(key: bytes, answer: str, call: str = "getblock") -> Any:
        treated = ground.it.treat(call, key)
        if treated.ending is not None:
            return treated.earlier
        ground.it.remember(treated, call, key, answer)
        return answer

    assert asked(b"1", "a") == "a"
    assert ground.counts() == [(0, 2, "")]
    assert asked(b"2", "b") == "b"
    assert asked(b"1", "c") == "a"
    assert asked(b"1", "d", "getblockcount") == "d"
    assert asked(b"1", "d") == "a"
    assert asked(b"1", "d") == "d"
    assert ground.counts() == [(2, 0, "times")]


def test_a_stale_answer_can_be_to_any_parameters() -> None:
    ground = Ground()
    ground.it.add(faults.Stale(any_params=True))
    first = ground.it.treat("getblock", b"1")
    ground.it.remember(first, "getblock", b"1", "a")
    assert ground.it.treat("getblock", b"2").earlier == "a"
    assert ground.it.treat("getblockcount", b"2").ending is None


def test_a_wrong_clock_is_wrong_by_all_that_was_ordered_and_touches_calls() -> None:
    ground = Ground()
    ground.it.add(faults.ClockSkew(seconds=-60, duration_s=10), faults.ClockSkew(seconds=5))
    assert ground.it.now() == 945.0
    ground.it.treat("getblock")
    ground.time += 10
    assert ground.it.now() == 1015.0
    assert [one[0] for one in ground.counts()] == [1, 1]


def test_a_reorg_happens_when_it_is_ordered() -> None:
    ground = Ground()
    ground.it.add(Reorg(depth=3))
    assert ground.done == [Reorg(depth=3)]
    assert ground.counts() == [(3, None, "done")]


@pytest.mark.parametrize(
    ("orders", "reason"),
    [
        ([faults.Hang(), faults.Unhealthy()], "bitcoin service has no fault unhealthy: governance"),
        ([faults.Hang(), Reorg(depth=9)], "too deep"),
        ([Reorg(), Reorg()], "more than one reorg"),
        ([faults.Hang(calls=("getblok",))], "no call 'getblok'"),
        ([faults.Error(code="UNAVAILABLE")], "must be a number"),
        ([faults.Latency(ms=9, jitter_ms=-5)], ">= 0.0"),
        ([faults.Error(rate=float("nan"))], "rate"),
        ([faults.Hang()] * (FAULTS_MAX + 1), "at once"),
    ],
)
def test_an_order_is_taken_whole_or_not_at_all(orders: list[AnyFault], reason: str) -> None:
    ground = Ground()
    with pytest.raises(BadFault, match=reason):
        ground.it.add(*orders)
    assert ground.counts() == []
    assert ground.done == []


def test_words_for_errors_are_the_services_own() -> None:
    scope = Scope(service="governance", codes=frozenset({"UNAVAILABLE"}))
    it = Misbehaviour(lambda: 0.0, SeededRandom(1), scope)
    it.add(faults.Error(code="UNAVAILABLE"))
    for fault in (faults.Error(code=14), faults.Drop(after_bytes=3), Reorg()):
        with pytest.raises(BadFault):
            it.add(fault)


def test_what_is_removed_is_told_to_who_waits_and_keeps_its_count() -> None:
    ground, told = Ground(), list[int]()
    ground.it.listeners.append(told.append)
    first, second, _ = ground.it.add(faults.Hang(times=1), faults.Hang(), faults.Error())
    ending(ground)
    noted = ground.it.remove(second)
    assert (noted.touched, noted.ended) == (0, "removed")
    assert ground.it.remove(first).ended == "times"
    assert ground.it.noted(first).touched == 1
    with pytest.raises(BadFault, match="no fault 9"):
        ground.it.remove(9)
    assert [one.ended for one in ground.it.clear()] == ["times", "removed", "removed"]
    assert ground.it.view() == ()
    assert told == [2, 3]
    assert ground.it.add(faults.Hang()) == (4,)


def test_what_each_kind_touched_is_added_up() -> None:
    ground = Ground()
    ground.it.add(faults.Error(times=1), faults.Error(times=1), faults.Hang())
    for _ in range(4):
        ending(ground)
    assert ground.it.touched() == {"error": 2, "hang": 2}


@given(
    st.lists(
        st.builds(
            faults.Error,
            times=st.none() | st.integers(1, 4),
            duration_s=st.none() | st.floats(0.5, 5),
            rate=st.sampled_from((0.3, 1.0)),
            calls=st.sampled_from(((), ("getblock",), ("eth_*",))),
        ),
        max_size=4,
    ),
    st.lists(st.sampled_from(sorted(CALLS)), max_size=30),
    st.integers(0, 2**32),
)
def test_every_bite_is_counted_once_and_no_limit_is_passed(
    orders: list[AnyFault], calls: list[str], seed: int
) -> None:
    ground = Ground(seed=seed)
    ground.it.add(*orders)
    bitten = 0
    for call in calls:
        ground.time += 0.5
        bitten += ending(ground, call) != ""
    view = ground.it.view()
    assert sum(one.touched for one in view) == bitten
    for one, order in zip(view, orders, strict=True):
        assert isinstance(order, faults.Error)
        assert order.times is None or one.touched + (one.left or 0) == order.times
