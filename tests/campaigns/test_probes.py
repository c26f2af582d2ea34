"""Rare states are counted when they are reached, and only then."""

from types import SimpleNamespace
from typing import Any

import pytest

from alys.actors.envelope import Envelope
from alys.actors.errors import IntensityExceeded
from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.base import faults, trouble
from alys.campaigns.plan import At, Burn, Deposit, Order, Plan
from alys.campaigns.probes import ACTORS, NAMES, SAID, RareStates
from alys.campaigns.run import run
from alys.models.bitcoin.chainstate import EventKind
from alys.node import messages, ports
from alys.node.errors import StoreFailed

BRIDGE = Ref("/alys/node-1/bridge/bridge", 7)
STREAM = Ref("/alys/node-1/bridge/stream", 8)
CHAIN = Ref("/alys/node-1/consensus/chain", 9)
DEPOSIT: Any = SimpleNamespace(txid="aa", vout=1)


def say(probes: RareStates, message: Any, sender: Ref = CHAIN, target: Ref = BRIDGE) -> None:
    probes.sent(Envelope(message, sender, 1), target)


def closed(probes: RareStates, *orders: Order, offered: dict[bytes, Any] | None = None) -> Any:
    world: Any = SimpleNamespace(overheard=SimpleNamespace(offered=offered or {}))
    plan = Plan(seed=1, orders=orders)
    found = probes.close(world, plan, {order.number: 1 for order in orders})
    assert tuple(found) == NAMES
    return {name: count for name, count in found.items() if count}


def test_every_probe_has_a_meaning_and_a_name_of_its_own() -> None:
    assert len(NAMES) == len(set(NAMES)) == len(SAID)
    assert all(SAID.values())
    assert {f"restart_{name}" for name in ACTORS} < set(NAMES)


def test_nothing_is_reached_by_itself() -> None:
    probes = RareStates()
    say(probes, messages.ChainStarted())
    probes.restarted(Ref("/alys/storm/chain", 3), 1, ValueError())
    probes.dead_letter(Envelope(messages.ChainStarted(), CHAIN, 1), BRIDGE, "stopped")
    assert closed(probes, offered={b"a": (1, 5), b"b": (2, 6)}) == {}


@pytest.mark.parametrize(
    ("message", "reached"),
    [
        (
            messages.BlocksReverted(minted=(DEPOSIT,), proposed=("t",), refunded=()),
            {"reorganised": 1, "mint_rolled_back": 1, "proposal_void": 1},
        ),
        (messages.BlocksReverted(minted=(), proposed=(), refunded=()), {"reorganised": 1}),
        (messages.PeginWithdrawn(outpoint="aa:1"), {"deposit_lost": 1}),
        (messages.BitcoinSeen(lost=("aa:1",)), {"mint_lost": 1}),
        (messages.BitcoinSeen(stuck=("t",)), {"payout_stuck": 1}),
        (
            messages.SignaturesShort(txid="t", collected=1, needed=2, reasons=()),
            {"signatures_short": 1},
        ),
        (messages.ParentMissing(origin="p", height=3), {"parent_missing": 1}),
        (messages.BlocksTaken(origin="p", imported=2), {"synced_from_peer": 1}),
        (messages.BlocksTaken(origin="p", imported=0), {}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Message) else "",
)
def test_a_message_shows_it(message: Any, reached: dict[str, int]) -> None:
    probes = RareStates()
    say(probes, message)
    assert closed(probes) == reached


@pytest.mark.parametrize(("detail", "votes"), [("valid, but for our votes", 1), ("a block", 0)])
def test_a_refusal_because_of_votes_is_told_from_others(detail: str, votes: int) -> None:
    probes = RareStates()
    say(
        probes,
        messages.BlockRefused(root=b"", authority_index=0, reason="x", detail=detail, height=1),
    )
    assert closed(probes).get("vote_refused", 0) == votes


def test_a_deposit_is_found_again_that_had_been_lost() -> None:
    probes = RareStates()
    ready = messages.PeginReady(deposit=DEPOSIT, block_hash="b")
    say(probes, ready, target=CHAIN)
    say(probes, messages.PeginWithdrawn(outpoint="aa:1"), target=CHAIN)
    say(probes, ready, target=CHAIN)
    say(probes, ready, target=CHAIN)
    assert closed(probes) == {"deposit_lost": 1, "deposit_found_again": 1}


def test_a_stream_comes_back_while_signatures_are_wanted() -> None:
    probes = RareStates()
    opened = ports.StreamOpened(endpoint=0)
    say(probes, opened, target=STREAM)
    wanted = messages.RequestSignatures(operation="o", attempt=1, txid="t", tx=b"", input_sats=())
    say(probes, wanted, sender=BRIDGE, target=STREAM)
    say(probes, opened, target=STREAM)
    say(probes, messages.SignaturesCollected(txid="t", signatures=()), sender=STREAM)
    say(probes, opened, target=STREAM)
    assert closed(probes) == {"stream_back_with_work": 1}


def test_a_node_stands_still_and_goes_on() -> None:
    probes = RareStates()
    for state in ("active", "halted", "halted", "active", "active"):
        say(probes, messages.ReportStatus(height=1, finalised_height=0, state=state))
    assert closed(probes) == {"halted": 1, "halted_and_resumed": 1}


def test_what_befalls_actors_shows_it() -> None:
    probes = RareStates()
    letter = Envelope(messages.ChainStarted(), CHAIN, 1)
    failed = ValueError()
    failed.__cause__ = StoreFailed("ENOSPC")
    probes.failed(CHAIN, failed, letter)
    probes.failed(CHAIN, ValueError(), letter)
    probes.restarted(CHAIN, 1, failed)
    probes.escalated(Ref("/alys/node-1/consensus", 4), IntensityExceeded("/a", 1, 5.0))
    probes.dropped(letter, BRIDGE, "mailbox full")
    probes.dead_letter(letter, BRIDGE, "late reply")
    found = {"store_failed": 1, "restart_chain": 1, "supervisor_gave_up": 1}
    assert closed(probes) == {**found, "mailbox_full": 1, "ask_late": 1}


def test_what_the_world_knows_in_the_end() -> None:
    probes = RareStates()
    bitcoin: Any = SimpleNamespace(listeners=[])
    world: Any = SimpleNamespace(network=SimpleNamespace(bitcoin=bitcoin))
    probes.attach(world)
    for kind in (EventKind.CONNECTED, EventKind.DISCONNECTED):
        bitcoin.listeners[0](SimpleNamespace(kind=kind))
    orders = (
        Order(number=1, target="node-1", fault=trouble.Kill(disk="torn"), when=At(seconds=1.0)),
        Order(number=2, target="governance-0", fault=faults.Equivocate(), when=At(seconds=1.0)),
        Order(number=3, target="node-1", fault=trouble.Kill(), when=At(seconds=1.0)),
    )
    offered = {b"a": (1, 5), b"b": (2, 5), b"c": (3, 6)}
    found = closed(probes, *orders, offered=offered)
    assert found == {"bitcoin_reorg": 1, "siblings": 1, "torn_write": 1, "equivocated": 1}


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
    assert outcome.probes["refunded"] == 1
    assert outcome.probes["mint_lost"] == 0
    assert list(outcome.probes) == list(NAMES)
