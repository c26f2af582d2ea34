"""Orders are carried out when their moment comes, and not otherwise."""

import json

from alys.base.trouble import Crash, Kill, Late
from alys.campaigns.plan import At, On, Order
from alys.campaigns.weather import Weather
from alys.worlds.sim import SimWorld
from tests.worlds.troubled import federation

PATH = "/alys/node-1/consensus/chain"


def run(*orders: Order, seconds: float = 20.0) -> tuple[SimWorld, Weather]:
    found: list[Weather] = []

    async def scenario(world: SimWorld) -> None:
        weather = Weather(world, orders)
        found.append(weather)
        weather.begin()
        await world.sleep(seconds)
        await weather.heal()
        await world.converge("one head", timeout_s=120)

    return federation(scenario), found[0]


def test_an_order_at_a_time_strikes_then_and_one_behind_the_end_never() -> None:
    late = Late(ms=10, duration_s=3)
    world, weather = run(
        Order(number=4, target="wires", fault=late, when=At(seconds=2.5)),
        Order(number=9, target="node-0", fault=Kill(), when=At(seconds=50)),
    )
    assert set(weather.bitten) == {4}
    assert weather.bitten[4] > 0
    told = [json.loads(line) for line in world.trace() if '"kind":"strike"' in line]
    (strike,) = told
    assert (strike["order"], strike["target"]) == (4, "wires")
    assert strike["fault"] == {"kind": "late", "ms": 10, "duration_s": 3}


def test_an_order_on_a_message_strikes_on_that_very_one() -> None:
    """The third tick since the weather began, not the next message after it."""
    crash = Crash(moment="before")
    when = On(actor=PATH, message="SlotTick", nth=3)
    world, weather = run(Order(number=1, target=f"actor:{PATH}", fault=crash, when=when))
    assert weather.bitten == {1: 1}
    lines = [json.loads(line) for line in world.trace()]
    struck = next(i for i, line in enumerate(lines) if line["kind"] == "strike")
    ticks = [
        line
        for line in lines[:struck]
        if line["kind"] == "handling" and line["receiver"].startswith(f"{PATH}#")
    ]
    failed = next(line for line in lines[struck:] if line["kind"] == "failed")
    assert failed["id"] == ticks[-1]["id"]
    (sent,) = [line for line in lines if line["kind"] == "sent" and line["id"] == failed["id"]]
    assert sent["message"] == "SlotTick"


def test_a_message_that_never_comes_strikes_nothing() -> None:
    when = On(actor=PATH, message="Nothing", nth=1)
    order = Order(number=1, target=f"actor:{PATH}", fault=Crash(), when=when)
    assert run(order, seconds=5)[1].bitten == {}


def test_equal_orders_give_an_equal_trace() -> None:
    orders = (
        Order(number=1, target="node-2", fault=Kill(disk="lost"), when=At(seconds=1)),
        Order(number=2, target="wires", fault=Late(ms=50, duration_s=9), when=At(seconds=2)),
        Order(
            number=3,
            target=f"actor:{PATH}",
            fault=Crash(moment="in"),
            when=On(actor=PATH, message="SlotTick", nth=2),
        ),
    )
    hashes = {run(*orders)[0].recorder.trace_hash for _ in range(2)}
    assert len(hashes) == 1
