"""Orders, work and plans in words and as Python text."""

import importlib

import pytest

from alys.base.faults import Latency, Reorg
from alys.base.trouble import Crash, DiskRefuses, Kill, Partition
from alys.campaigns import telling
from alys.campaigns.plan import At, Burn, Deposit, On, Order, Plan, Schedule, Transfer

BRIDGE = "/alys/node/bridge/bridge"

PLAN = Plan(
    seed=4_294_967_295,
    nodes=2,
    schedule=Schedule(kind="replay", picks=(0, 0, 2)),
    orders=(
        Order(
            number=3,
            target="node-1",
            fault=Kill(down_s=1.0, disk="torn"),
            when=On(actor=BRIDGE, message="BlockSeen", nth=6),
        ),
        Order(number=4, target=f"actor:{BRIDGE}", fault=Crash(moment="in"), when=At(seconds=2.5)),
        Order(
            number=5,
            target="wires",
            fault=Partition(groups=((0, 1), (2,)), duration_s=3.0),
            when=At(seconds=3.0),
        ),
        Order(
            number=6,
            target="bitcoin",
            fault=Latency(ms=50.0, calls=("get*", 'a"b')),
            when=At(seconds=3.0),
        ),
    ),
    work=(
        Deposit(number=0, at=1.0, sats=50_000_000, user=2),
        Burn(number=1, at=2.25, sats=60_000, user=0, form="garbled"),
        Transfer(number=2, at=3.0, gwei=5, user=0, to=1),
    ),
)


def test_an_order_is_a_sentence() -> None:
    assert [telling.order(one) for one in PLAN.orders[:3]] == [
        f"kill node-1 (down_s=1.0, disk=torn) when {BRIDGE} takes up BlockSeen for the 6th time",
        f"crash actor:{BRIDGE} (moment=in) after 2.5 s",
        "partition wires (groups=((0, 1), (2,)), duration_s=3.0) after 3 s",
    ]
    full = Order(number=1, target="disk-1", fault=DiskRefuses(duration_s=2.0), when=At(seconds=1.0))
    assert telling.order(full).startswith("disk refuses disk-1 (")
    bare = Order(number=1, target="bitcoin", fault=Reorg(), when=At(seconds=1.0))
    assert telling.order(bare) == "reorg bitcoin after 1 s"


def test_work_is_a_sentence() -> None:
    assert [telling.work(one) for one in PLAN.work] == [
        "user 2 deposits 50000000 sats after 1 s",
        "user 0 asks for a payout of 60000 sats (garbled) after 2.25 s",
        "user 0 pays user 1 5 gwei after 3 s",
    ]


@pytest.mark.parametrize(
    ("number", "word"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st"), (112, "112th")],
)  # fmt: skip
def test_ordinals(number: int, word: str) -> None:
    assert telling.ordinal(number) == word


@pytest.mark.parametrize("plan", [PLAN, Plan(seed=1), Plan(seed=2, profile="full")])
def test_the_python_text_makes_an_equal_plan(plan: Plan) -> None:
    text = telling.python(plan)
    space = {
        name: getattr(importlib.import_module(module), name)
        for module, names in telling.names(plan).items()
        for name in names
    }
    assert eval(text, space) == plan
    assert max(map(len, text.splitlines())) <= telling.WIDTH


def test_the_text_is_broken_where_it_is_long_and_says_no_more_than_it_must() -> None:
    assert telling.python(Plan(seed=1)) == 'Plan(seed=1, profile="light")'
    assert telling.python(PLAN).splitlines()[:14] == [
        "Plan(",
        "    seed=4_294_967_295,",
        '    profile="light",',
        "    nodes=2,",
        '    schedule=Schedule(kind="replay", picks=(0, 0, 2)),',
        "    orders=(",
        "        Order(",
        "            number=3,",
        '            target="node-1",',
        '            fault=Kill(down_s=1.0, disk="torn"),',
        f'            when=On(actor="{BRIDGE}", message="BlockSeen", nth=6),',
        "        ),",
        "        Order(",
        "            number=4,",
    ]
