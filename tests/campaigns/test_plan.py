"""Plans as data."""

from alys.base.trouble import Crash, Kill
from alys.campaigns import plan
from alys.campaigns.plan import At, Burn, Deposit, On, Order, Plan


def test_a_plan_survives_json() -> None:
    """Orders with both kinds of trigger, and work of several kinds."""
    made = Plan(
        seed=7,
        orders=(
            Order(number=1, target="node-1", fault=Kill(disk="lost"), when=At(seconds=3.5)),
            Order(
                number=2,
                target="actor:/alys/node/bridge/bridge",
                fault=Crash(moment="after"),
                when=On(actor="/alys/node/consensus/chain", message="PeginReady", nth=2),
            ),
        ),
        work=(
            Deposit(number=1, at=1.0, sats=50_000, user=2),
            Burn(number=2, at=2.0, sats=60_000, user=0, form="garbled"),
        ),
    )
    assert plan.decode(plan.encode(made)) == made
