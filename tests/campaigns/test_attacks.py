"""Attacks come to their end, nothing comes of them, and where something does it is named."""

import pytest

from alys.campaigns import attacks
from alys.campaigns.plan import Announce, Deposit, Forgery, Plan, Vanish
from alys.campaigns.run import Hearing, run
from alys.chain import validity
from alys.worlds.durable import DiskWitness
from alys.worlds.sim import SimWorld

CALM = Plan(
    seed=3,
    nodes=3,
    weather_s=30.0,
    work=(
        Deposit(number=1, at=0.2, sats=5_000_000, user=0),
        Forgery(number=2, at=1.0, form="extra withdrawal", node=1),
        Vanish(number=3, at=4.0, sats=7_000_000, user=1),
        Announce(number=4, at=25.0, node=2),
    ),
)


def test_nothing_comes_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The forgery was judged, the deposit was ready and was taken back, and the run is green."""
    made: list[attacks.Attackers] = []
    honest = attacks.Attackers.over

    async def over(self: attacks.Attackers) -> None:
        made.append(self)
        await honest(self)

    monkeypatch.setattr(attacks.Attackers, "over", over)
    found = run(CALM)
    assert (found.verdict, found.sentence) == ("pass", "")
    assert made[0].judged["forgeries"] == 1
    assert made[0].vanished == 1


def test_a_forgery_that_is_believed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validity, "check_withdrawals", lambda *_: None)
    found = run(CALM)
    assert (found.verdict, found.oracle) == ("fail", "forgery")
    assert "extra withdrawal" in found.sentence


def test_what_a_node_lets_out_is_looked_for_on_its_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that has nothing when it is looked at makes the first approval a breach."""
    monkeypatch.setattr(DiskWitness, "_has", lambda *_: False)
    opened: list[SimWorld] = []
    found = run(CALM, Hearing(opened=opened.append))
    assert (found.verdict, found.oracle) == ("fail", "durability")
    assert len(opened) == 1
