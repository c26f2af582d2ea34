"""Witnesses that other nodes passed on: only sound ones are kept, and each is verified once."""

from typing import Any

import pytest

from alys.models.governance import witnesses as module
from alys.models.governance.node import GovernanceNode
from alys.models.governance.witnesses import as_data, by_key
from alys.wire import bitcoin
from alys.wire.generated import gossip_pb2
from alys.wire.generated import governance_pb2 as pb
from tests.models.governance.builders import KEYS, SECRETS, STREAM, Federates, ask, payout, pegin

STRANGER = (99).to_bytes(32, "big")
AUX = bytes(32)


def knowing() -> GovernanceNode:
    """A node that knows the coin, and has signed nothing."""
    node = Federates().nodes[0]
    node.receive(STREAM, pegin())
    return node


def digest(node: GovernanceNode) -> bytes:
    spend = node.signer.examine(payout().serialize().hex(), [0], [5_000_000])
    return spend.message(0)


def bundle(*given: tuple[bytes, bytes], by: str = "governance-2") -> gossip_pb2.WitnessBundle:
    """Of the payout, with pairs of key and signature."""
    return gossip_pb2.WitnessBundle(
        node_id=by,
        request=ask(payout()).signature_request,
        witnesses=[pb.WitnessData(public_key=key, signature=sig) for key, sig in given],
    )


def test_a_sound_witness_is_kept_once_and_passed_on() -> None:
    node = knowing()
    sound = (KEYS[1], bitcoin.schnorr_sign(SECRETS[1], digest(node), AUX))
    assert node.collected(bundle(sound)).kept == 1
    assert node.witnesses.of(payout().txid) == {KEYS[1]: (sound[1],)}
    (onward,) = node.gossip()
    assert (onward.node_id, by_key(onward.witnesses)) == ("governance-1", {KEYS[1]: (sound[1],)})
    again = node.collected(bundle(sound))
    assert (again.kept, again.known) == (0, 1)
    assert node.gossip() == [], "what was known is not passed on for ever"


@pytest.mark.parametrize("case", ["forged", "stranger", "short", "long", "empty", "other-key"])
def test_what_does_not_hold_is_refused_by_name_and_leaves_nothing(case: str) -> None:
    node = knowing()
    sound = bitcoin.schnorr_sign(SECRETS[1], digest(node), AUX)
    given: dict[str, tuple[tuple[bytes, bytes], ...]] = {
        "forged": ((KEYS[1], bytes(63) + b"\x01"),),
        "stranger": (
            (bitcoin.xonly_of(STRANGER), bitcoin.schnorr_sign(STRANGER, digest(node), AUX)),
        ),
        "short": ((KEYS[1], sound[:-1]),),
        "long": ((KEYS[1], sound), (KEYS[1], sound)),
        "empty": ((b"", b""),),
        "other-key": ((KEYS[2], sound),),
    }
    receipt = node.collected(bundle(*given[case]))
    assert (receipt.kept, len(receipt.refused)) == (0, 1)
    state: Any = node.state()
    assert state["gossip"]["refused"] == 1
    assert state["gossip"]["last_refused"][0]["passed_by"] == "governance-2"
    assert state["gossip"]["held"] == {}
    assert node.gossip() == []


def test_a_forged_one_does_not_keep_the_sound_one_beside_it_out() -> None:
    node = knowing()
    sound = bitcoin.schnorr_sign(SECRETS[2], digest(node), AUX)
    receipt = node.collected(bundle((KEYS[1], bytes(64)), (KEYS[2], sound)))
    assert (receipt.kept, len(receipt.refused)) == (1, 1)
    assert list(node.witnesses.of(payout().txid)) == [KEYS[2]]


def test_what_cannot_be_judged_is_not_kept_and_no_coin_is_learnt_of_it() -> None:
    node = Federates().nodes[0]
    sound = bitcoin.schnorr_sign(SECRETS[1], digest(knowing()), AUX)
    receipt = node.collected(bundle((KEYS[1], sound)))
    assert receipt.refused[0].startswith("unknown prevout")
    assert node.signer.coins == {}
    known = knowing()
    known.collected(bundle((KEYS[1], sound)))
    assert len(known.signer.coins) == 1, "the change of what nobody asked for is not remembered"


def test_the_receipt_has_what_the_bundle_lacked() -> None:
    node = knowing()
    node.receive(STREAM, ask(payout()))
    receipt = node.collected(bundle())
    assert list(by_key(receipt.witnesses)) == [KEYS[0]]
    sound = bitcoin.schnorr_sign(SECRETS[1], digest(node), AUX)
    node.collected(bundle((KEYS[1], sound)))
    assert list(by_key(node.collected(bundle((KEYS[1], sound))).witnesses)) == [KEYS[0]]


def test_old_transactions_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRANSACTIONS_MAX", 1)
    node = knowing()
    node.receive(STREAM, ask(payout(), request_id="one"))
    node.receive(STREAM, ask(payout(paid=2, change=2), request_id="two"))
    state: Any = node.state()
    assert list(state["gossip"]["held"]) == [payout(paid=2, change=2).txid]


def test_witnesses_are_grouped_by_key_in_the_order_of_the_inputs() -> None:
    given = {b"a": (b"1", b"2"), b"b": (b"3", b"4")}
    data = as_data(given)
    assert [(one.public_key, one.signature) for one in data] == [
        (b"a", b"1"), (b"a", b"2"), (b"b", b"3"), (b"b", b"4"),
    ]  # fmt: skip
    mixed = [data[0], data[2], data[1], data[3]]
    assert by_key(mixed) == given
