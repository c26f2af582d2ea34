"""What is simpler than an order, a piece of work, a plan."""

import msgspec
import pytest

from alys.base.faults import Hang, Latency, Reorg
from alys.base.trouble import KINDS, AnyTrouble, Crash, Cut, Kill, Late, Lose, Partition, Skew
from alys.campaigns import simpler
from alys.campaigns.plan import At, Burn, Deposit, On, Order, Plan, Schedule


def order(target: str, fault: AnyTrouble, when: At | On = At(seconds=3.0)) -> Order:  # noqa: B008 - frozen
    """One order."""
    return Order(number=1, target=target, fault=fault, when=when)


def test_a_kill_loses_less_and_is_over_sooner() -> None:
    milder = list(simpler.faults(Kill(down_s=7.5, disk="torn")))
    assert [one.down_s for one in milder if isinstance(one, Kill)][:3] == [1.0, 2.0, 5.0]
    assert Kill(down_s=7.5, disk="kept") in milder
    assert Kill(down_s=7.5, disk="lost") in milder
    assert list(simpler.faults(Kill(down_s=1.0))) == []


def test_a_loss_leaves_nothing_to_chance() -> None:
    assert Lose(rate=1.0, duration_s=1.0) in simpler.faults(Lose(rate=0.3, duration_s=1.0))


def test_a_clock_stays_wrong_on_its_side() -> None:
    seconds = [one.seconds for one in simpler.faults(Skew(seconds=-40.0, duration_s=1.0))]  # type: ignore[union-attr]  # of the kind that went in
    assert seconds == [-1.0, -2.0, -5.0, -10.0, -30.0]


def test_one_way_becomes_both_ways_and_jitter_goes() -> None:
    assert Cut(duration_s=1.0) in simpler.faults(Cut(one_way=True, duration_s=1.0))
    assert Latency(ms=1.0) in simpler.faults(Latency(ms=1.0, jitter_ms=3.0))


def test_what_the_vocabulary_refuses_is_no_candidate() -> None:
    """Without jitter this one would do nothing."""
    assert [one.jitter_ms for one in simpler.faults(Latency(jitter_ms=1.5))] == [1.0]  # type: ignore[union-attr]  # of the kind that went in


def test_integers_stay_integers() -> None:
    depths = [one.depth for one in simpler.faults(Reorg(depth=4))]  # type: ignore[union-attr]  # of the kind that went in
    assert depths == [1, 2]
    assert all(isinstance(depth, int) for depth in depths)


@pytest.mark.parametrize("kind", KINDS)
def test_candidates_of_every_kind_come_to_an_end(kind: str) -> None:
    """Whoever takes the last candidate each time, the slowest way down, is done after a few steps."""
    most = {"seconds": 77.7, "duration_s": 77.7, "groups": ((0,), (1,)), "ms": 77.7}
    cls = KINDS[kind]
    names = {field.name for field in msgspec.structs.fields(cls)}
    fault = msgspec.convert({"kind": kind, **{k: v for k, v in most.items() if k in names}}, cls)
    for _ in range(40):
        found = list(simpler.faults(fault))  # type: ignore[arg-type]  # one of the union
        if not found:
            return
        fault = found[-1]
    raise AssertionError(f"{kind} has no end")


def test_times_become_round_and_counts_early() -> None:
    whens = [one.when for one in simpler.orders(order("bitcoin", Hang(), At(seconds=3.46)))]
    assert whens == [At(seconds=at) for at in (3.0, 4.0, 3.4, 3.5)]
    on = On(actor="/a", message="M", nth=6)
    nths = [one.when.nth for one in simpler.orders(order("bitcoin", Hang(), on))]  # type: ignore[union-attr]  # of the kind that went in
    assert nths == [1, 3, 5]
    assert list(simpler.orders(order("bitcoin", Hang()))) == []


def test_work_becomes_well_formed_and_comes_at_a_round_time() -> None:
    odd = Burn(number=1, at=2.5, sats=9, user=0, form="dust")
    assert list(simpler.work(odd)) == [
        msgspec.structs.replace(odd, form="good"),
        msgspec.structs.replace(odd, at=2.0),
        msgspec.structs.replace(odd, at=3.0),
    ]


@pytest.mark.parametrize(
    ("target", "fault", "counts"),
    [
        ("bitcoin", Hang(), [1, 2]),
        ("node-1", Kill(), [2]),
        ("wire-0-1", Cut(duration_s=1.0), [2]),
        ("wire-1-2", Cut(duration_s=1.0), []),
        ("wires", Late(ms=1.0, duration_s=1.0), [2]),
        ("wires", Partition(groups=((0,), (2,)), duration_s=1.0), []),
        ("actor:/alys/node/bridge/bridge", Crash(), [1, 2]),
        ("actor:/alys/node-1/bridge/bridge", Crash(), [2]),
    ],
)
def test_nodes_go_where_nothing_is_about_them(
    target: str, fault: AnyTrouble, counts: list[int]
) -> None:
    plan = Plan(seed=1, orders=(order(target, fault),))
    assert [one.nodes for one in simpler.nodes(plan)] == counts


def test_a_node_stays_where_an_order_waits_for_it() -> None:
    waits = order("bitcoin", Hang(), On(actor="/alys/node-2/bridge/bridge", message="M"))
    assert list(simpler.nodes(Plan(seed=1, orders=(waits,)))) == []


def test_a_node_stays_where_work_is_done_at_it() -> None:
    burn = Burn(number=1, at=2.0, sats=9, user=2)
    assert list(simpler.nodes(Plan(seed=1, work=(burn,)))) == []


def test_the_weather_ends_when_all_has_begun() -> None:
    plan = Plan(seed=1, orders=(order("bitcoin", Hang(), At(seconds=7.2)),))
    assert [one.weather_s for one in simpler.weathers(plan)] == [9.0, 20.0]
    deposit = Deposit(number=1, at=39.5, sats=9, user=0)
    assert list(simpler.weathers(msgspec.structs.replace(plan, work=(deposit,)))) == []


def test_schedules_lose_their_chance() -> None:
    robin = Schedule(kind="round_robin")
    assert list(simpler.schedules(Schedule())) == [robin]
    assert list(simpler.schedules(robin)) == []
    assert list(simpler.schedules(Schedule(kind="pct", depth=3))) == [
        robin,
        Schedule(kind="pct", depth=1),
        Schedule(kind="pct", depth=2),
    ]
