"""What governance says of its own accord: checked before it leaves, told to every stream, repeated while it stands."""

import base64
from typing import Any

import pytest

from alys.models.governance import announcements as module
from alys.models.governance.announcements import BadAnnouncement, update_digest
from alys.models.governance.node import GovernanceNode
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb
from tests.models.governance.builders import KEYS, NOW, STREAM, Federates, registration

NEW_KEY = bitcoin.xonly_of((4).to_bytes(32, "big"))


def node_at(height: int = 0) -> GovernanceNode:
    node = Federates(peers=False).nodes[0]
    hear_height(node, height)
    return node


def hear_height(node: GovernanceNode, height: int) -> None:
    status = pb.StatusUpdate(status=pb.NODE_STATUS_ACTIVE, block_height=height)
    assert node.receive(STREAM, pb.StreamRequest(status_update=status)) == []


def members(*keys: bytes, active: bool = True) -> list[dict[str, object]]:
    return [
        {"member_id": f"m{n}", "public_key": base64.b64encode(key).decode(), "active": active}
        for n, key in enumerate(keys)
    ]


def update(**fields: object) -> dict[str, object]:
    given = {
        "update_type": "FEDERATION_UPDATE_TYPE_MEMBER_ADD",
        "members": members(*KEYS, NEW_KEY),
        "effective_height": 50,
        "config": {"signature_threshold": 3},
        **fields,
    }
    return {"federation_update": {key: value for key, value in given.items() if value is not None}}


def proposal(**fields: object) -> dict[str, object]:
    given = {
        "proposal_id": "p1",
        "proposal_type": "PROPOSAL_TYPE_UPGRADE",
        "proposal_data": base64.b64encode(b"v2").decode(),
        "voting_deadline": int(NOW) + 60,
        "required_votes": 2,
        **fields,
    }
    return {"proposal": given}


def heard(node: GovernanceNode) -> list[pb.StreamResponse]:
    return [response for _, response in node.outgoing()]


def joined(node: GovernanceNode, name: str) -> list[str]:
    """What a stream that registers now is told after its ack, by the ids."""
    node.connect(name, {})
    ack, *rest = node.receive(name, registration())
    assert ack.registration_ack.accepted
    return [one.metadata.request_id for one in rest]


def test_an_update_goes_to_every_registered_stream_under_an_id_of_its_own() -> None:
    node = node_at()
    joined(node, "two")
    node.connect("silent", {})
    assert node.push(update()) == {"request_id": "push:1:federation_update", "streams": 2}
    sent = node.outgoing()
    assert [name for name, _ in sent] == [STREAM, "two"]
    said = sent[0][1]
    assert (said.metadata.request_id, said.metadata.node_id) == (
        "push:1:federation_update",
        "governance-1",
    )
    assert said.federation_update.config == pb.FederationConfig(
        signature_threshold=3, member_count=4
    )
    assert [one.public_key for one in said.federation_update.members] == [*KEYS, NEW_KEY]
    assert node.outgoing() == []


def test_an_update_is_signed_by_the_node_over_all_of_it() -> None:
    node = node_at()
    node.push(update())
    (said,) = heard(node)
    told = said.federation_update
    key, signature = told.update_signature[:32], told.update_signature[32:]
    assert key == KEYS[0]
    assert bitcoin.schnorr_verify(key, update_digest(told), signature)
    told.effective_height += 1
    assert not bitcoin.schnorr_verify(key, update_digest(told), signature)


def test_a_signature_that_is_given_is_sent_as_it_is() -> None:
    node = node_at()
    node.push(update(update_signature=base64.b64encode(b"forged").decode()))
    assert heard(node)[0].federation_update.update_signature == b"forged"


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        ({}, "push one of"),
        ({"nothing": {}}, "push one of"),
        ({**update(), **proposal()}, "push one of"),
        ({"proposal": 7}, "an object"),
        (update(update_type="FEDERATION_UPDATE_TYPE_UNSPECIFIED"), "update_type"),
        (update(update_type=77), "update_type 77"),
        (update(update_type="FEDERATION_UPDATE_TYPE_EMERGENCY_HALT"), "emergency_halt"),
        (update(members=None), "needs members"),
        (update(members=members(b"short")), "32 bytes"),
        (update(members=members(KEYS[0], KEYS[0])), "no key twice"),
        (update(members=members(*KEYS, active=False)), "keys, not 0"),
        (update(config={"signature_threshold": 5}), "threshold"),
        (update(config={"signature_threshold": 2, "member_count": 9}), "member_count"),
        (update(effective_height=9), "the sidechain is at 10"),
        (update(effective_height="many"), "effective_height"),
        (update(unknown=1), "unknown"),
        (proposal(proposal_id=""), "proposal_id"),
        (proposal(proposal_type=0), "proposal_type"),
        (proposal(voting_deadline=int(NOW)), "is past"),
        (proposal(required_votes=4), "between 1 and 3"),
        (proposal(voting_deadline="soon"), "voting_deadline"),
        ({"resume": {}}, "nothing is halted"),
        ({"emergency_halt": {"reason": 7}}, "only a reason"),
        ({"emergency_halt": {"why": "x"}}, "only a reason"),
        ({"emergency_halt": {"number": 0}}, "last one was 0"),
        ({"emergency_halt": {"number": "2"}}, "last one was 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_as_it_must_be_goes_nowhere(wanted: dict[str, object], word: str) -> None:
    node = node_at(10)
    before = node.state()
    with pytest.raises(BadAnnouncement, match=word):
        node.push(wanted)
    assert node.outgoing() == []
    assert node.state() == before


def test_members_may_be_left_out_where_only_the_configuration_changes() -> None:
    node = node_at()
    kind = "FEDERATION_UPDATE_TYPE_CONFIG_CHANGE"
    node.push(update(update_type=kind, members=None, config={"signature_threshold": 1}))
    assert len(heard(node)[0].federation_update.members) == 3
    hear_height(node, 50)
    assert node.federation.threshold == 1


def test_a_change_comes_into_force_at_its_height() -> None:
    node = node_at()
    before = node.federation.output_script()
    node.push(update())
    hear_height(node, 49)
    assert node.federation.output_script() == before
    hear_height(node, 50)
    state: Any = node.state()
    assert state["federation"]["threshold"] == 3
    assert state["federation"]["script"] != before.hex()
    assert state["retired"][0]["script"] == before.hex()
    assert state["planned"] == []


def test_a_late_stream_hears_what_still_stands_after_its_ack_and_once() -> None:
    node = node_at()
    node.push(update())
    node.push(proposal())
    node.push({"emergency_halt": {"reason": "a key is lost"}})
    assert joined(node, "late") == [
        "push:1:federation_update",
        "push:2:proposal",
        "push:3:emergency_halt",
    ]
    again = node.receive("late", registration())
    assert len(again) == 1, "registering again on a stream is no reason to repeat"
    state: Any = node.state()
    assert [(one["pushed"], one["repeated"]) for one in state["announcements"]["sent"]] == [
        (1, 1),
        (1, 1),
        (1, 1),
    ]


def test_what_does_not_stand_any_more_is_not_repeated() -> None:
    federates = Federates(peers=False)
    node = federates.nodes[0]
    node.push(update(effective_height=5))
    node.push(update(effective_height=7, config={"signature_threshold": 2}))
    node.push(proposal())
    node.push({"emergency_halt": {}})
    node.push({"resume": {}})
    federates.time.seconds += 60
    hear_height(node, 6)
    updates = ["push:1:federation_update", "push:2:federation_update"]
    assert joined(node, "a") == [*updates, "push:5:resume"], "the end of the halt, and not the halt"
    hear_height(node, 7)
    assert joined(node, "b") == ["push:2:federation_update", "push:5:resume"]


def test_old_proposals_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STANDING_MAX", 2)
    node = node_at()
    for name in ("p1", "p2", "p3"):
        node.push(proposal(proposal_id=name))
    assert joined(node, "late") == ["push:2:proposal", "push:3:proposal"]


def test_a_threshold_that_is_left_out_is_the_present_one() -> None:
    node = node_at()
    node.push(update(config=None))
    assert heard(node)[0].federation_update.config.signature_threshold == 2


def test_a_proposal_under_a_known_id_takes_its_place() -> None:
    node = node_at()
    node.push(proposal())
    node.push(proposal(required_votes=3))
    assert joined(node, "late") == ["push:2:proposal"]


def test_halts_are_counted_and_whoever_pushes_may_count() -> None:
    node = node_at()
    node.push({"emergency_halt": {"number": 7}})
    node.push({"resume": {}})
    numbers = [one.federation_update.config.parameters["number"] for one in heard(node)]
    assert numbers == ["7", "8"]
    with pytest.raises(BadAnnouncement, match="last one was 8"):
        node.push({"emergency_halt": {"number": 8}})


def test_a_halt_and_its_end_say_what_they_are() -> None:
    node = node_at(12)
    node.push({"emergency_halt": {"reason": "a key is lost"}})
    node.push({"resume": {}})
    halt, resume = (one.federation_update for one in heard(node))
    assert halt.update_type == pb.FEDERATION_UPDATE_TYPE_EMERGENCY_HALT
    assert dict(halt.config.parameters) == {
        "emergency_halt": "in force",
        "number": "1",
        "reason": "a key is lost",
    }
    assert halt.effective_height == 0, "at once, and every node says the same"
    assert resume.update_type == pb.FEDERATION_UPDATE_TYPE_CONFIG_CHANGE
    assert dict(resume.config.parameters) == {"emergency_halt": "lifted", "number": "2"}
    assert [one.public_key for one in halt.members] == list(KEYS)
