"""Rare states, told apart by what is said in no other."""

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from alys.actors.envelope import Envelope
from alys.campaigns import probes
from alys.campaigns.plan import Burn, Deposit, Plan
from alys.campaigns.probes import RareStates
from alys.campaigns.run import run
from alys.node import messages


def ref(path: str) -> Any:
    return SimpleNamespace(path=path)


def test_a_message_that_is_sent_in_a_rare_state_only_counts_as_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rare = RareStates()
    asked = Envelope(message=messages.WhoIsThere(), sender=ref("/alys/node/x"), sequence=1)
    rare.sent(asked, ref("/alys/node/y"))
    assert not rare.seen
    monkeypatch.setitem(probes.BY_MESSAGE, messages.WhoIsThere, "peer_lost")
    rare.sent(asked, ref("/alys/node/y"))
    assert rare.seen == {"peer_lost": 1}


def test_what_befalls_a_node_counts_and_what_befalls_actors_of_the_storm_does_not() -> None:
    rare = RareStates()
    for path in ("/alys/node-1/consensus/chain", "/alys/storm/one"):
        rare.restarted(ref(path), 1, ValueError())
        rare.escalated(ref(path), ValueError())
        rare.dropped(cast("Any", None), ref(path), "full")
    names = ("node_actor_restarted", "node_failure_escalated", "node_mail_dropped")
    assert rare.seen == dict.fromkeys(names, 1)


def test_what_was_never_reached_is_there_with_nought() -> None:
    assert RareStates().found(None, 2) == {
        **dict.fromkeys(probes.NAMES, 0),
        "head_changed_branch": 2,
    }
    assert set(probes.BY_MESSAGE.values()) <= set(probes.NAMES)


def test_what_the_ledger_knows_in_the_end_counts() -> None:
    """A deposit without an address, and a request that cannot be paid."""
    plan = Plan(
        seed=5,
        weather_s=4.0,
        work=(
            Deposit(number=1, at=0.5, sats=5_000_000, user=0, form="nobody"),
            Burn(number=2, at=1.0, sats=2_000_000, user=0, form="garbled"),
        ),
    )
    outcome = run(plan)
    assert (outcome.verdict, outcome.sentence) == ("pass", "")
    assert outcome.probes["deposit_unclaimable"] == 1
    assert outcome.probes["request_refunded"] == 1
    assert outcome.probes["deposit_lost_after_mint"] == 0
    assert list(outcome.probes) == list(probes.NAMES)
    assert msgspec.json.decode(msgspec.json.encode(outcome.probes)) == outcome.probes
