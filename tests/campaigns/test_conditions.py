"""Times become conditions, where the plan still fails with them."""

from alys.base.trouble import Kill
from alys.campaigns import conditions
from alys.campaigns.conditions import Taken
from alys.campaigns.plan import At, On, Order, Plan

BRIDGE, CHAIN, OTHER = "/alys/node-1/bridge", "/alys/node-1/chain", "/alys/node/bridge"

TAKEN = [
    *(Taken(at=n, actor=BRIDGE, message="BlockSeen") for n in (0.5, 3.0, 3.4, 9.0)),
    *(Taken(at=n / 10, actor=CHAIN, message="Tick") for n in range(100)),
    Taken(at=3.5, actor=OTHER, message="Mint"),
    Taken(at=30.0, actor=BRIDGE, message="Late"),
]


def plan(*whens: At | On) -> Plan:
    """A kill of node 1 for each."""
    return Plan(
        seed=1,
        orders=tuple(
            Order(number=number, target="node-1", fault=Kill(), when=when)
            for number, when in enumerate(whens)
        ),
    )


def test_candidates_are_near_at_home_and_rare() -> None:
    found = conditions.candidates(3.5, TAKEN, "/alys/node-1")
    assert found == [
        On(actor=BRIDGE, message="BlockSeen", nth=3),
        On(actor=CHAIN, message="Tick", nth=36),
        On(actor=OTHER, message="Mint", nth=1),
    ]
    assert (
        conditions.candidates(3.45, TAKEN, "/alys/node-1")[-1].actor == CHAIN
    )  # not what comes after
    assert conditions.candidates(3.5, TAKEN)[0] == On(actor=OTHER, message="Mint", nth=1)
    assert conditions.candidates(60.0, TAKEN) == []


def test_what_is_about_the_chain_goes_before_what_is_rare_and_beats_are_no_conditions() -> None:
    told = [Taken(at=n / 9, actor="/n/consensus/chain", message="BlockSealed") for n in range(9)]
    told += [Taken(at=1.0, actor="/n/network/peer", message="Dial")]
    told += [Taken(at=1.0, actor="/n/consensus/chain", message="CheckHealth")]
    found = conditions.candidates(1.05, told, "/n")
    assert [on.message for on in found] == ["BlockSealed", "Dial"]
    assert found[0].nth == 10 - 1


def test_the_nearest_are_tried_at_last_whatever_they_are() -> None:
    """Nine kinds of message, of which those that say most are the farthest."""
    told = [
        Taken(at=n / 10, actor="/n/bridge/bridge", message=f"M{kind}")
        for kind in range(12)
        for n in range(kind + 1)
    ]
    found = [on.message for on in conditions.candidates(1.1, told, "/n")]
    assert found == ["M0", "M1", "M2", "M3", "M4", "M5", "M11", "M10", "M9"]


def test_another_node_whose_name_begins_alike_is_not_at_home() -> None:
    mints = [Taken(at=n / 2, actor=OTHER, message="Mint") for n in range(8)]
    found = conditions.candidates(3.5, [*mints, *TAKEN], "/alys/node")
    assert found[0].actor == OTHER


def test_the_first_condition_that_fails_as_it_must_is_taken() -> None:
    wanted = On(actor=CHAIN, message="Tick", nth=36)
    asked: list[Plan] = []

    def fails(made: Plan) -> bool:
        asked.append(made)
        return made.orders[0].when == wanted

    done = conditions.conditions(
        plan(At(seconds=3.5)), lambda _: TAKEN, fails, lambda _: "/alys/node-1"
    )
    assert done == plan(wanted)
    assert len(asked) == 2


def test_an_order_that_finds_none_keeps_its_time() -> None:
    made = plan(At(seconds=3.5))
    assert conditions.conditions(made, lambda _: TAKEN, lambda _: False) == made


def test_conditions_are_left_as_they_are_and_each_order_is_looked_up_in_the_plan_so_far() -> None:
    on = On(actor=BRIDGE, message="Stop")
    looked: list[Plan] = []

    def taken_in(made: Plan) -> list[Taken]:
        looked.append(made)
        return TAKEN

    made = plan(on, At(seconds=3.5), At(seconds=9.0))
    done = conditions.conditions(made, taken_in, lambda _: True)
    assert [order.when for order in done.orders] == [
        on,
        On(actor=OTHER, message="Mint", nth=1),
        On(actor=BRIDGE, message="BlockSeen", nth=4),
    ]
    assert len(looked) == 2
    assert looked[1].orders[1].when == done.orders[1].when
