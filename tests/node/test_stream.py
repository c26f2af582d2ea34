"""The governance streams against real governance nodes over links in memory."""

from typing import Any

import msgspec
import pytest

from alys.node.messages import (
    ReportStatus,
    SignaturesCollected,
    SignaturesShort,
)
from alys.node.ports import OpenStream
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb
from tests.node.streams import OPERATION, Setting, begin, heartbeat, notice, seen


def test_it_registers_first_and_is_then_ready() -> None:
    setting = Setting()
    assert [one.state for one in setting.streams()] == ["ready"] * 3
    for node in setting.nodes:
        state: Any = node.state()
        assert (state["errors"], state["received"]["node_registration"]) == (0, 1)


def test_a_token_opens_the_stream() -> None:
    assert [one.state for one in Setting(token="secret").streams()] == ["ready"] * 3


@pytest.mark.parametrize("seed", range(5))
def test_exactly_the_threshold_of_sound_signatures_is_handed_on(seed: int) -> None:
    setting = Setting(seed)
    setting.notify()
    tx = setting.ask_signatures()
    (collected,) = setting.bridge
    assert isinstance(collected, SignaturesCollected)
    assert collected.txid == tx.txid
    assert len(collected.signatures) == 2
    prevouts = (bitcoin.TxOut(value=5_000_000, script=setting.federation.script_pubkey),)
    digest = bitcoin.taproot_script_path_sighash(tx, 0, prevouts, setting.federation.leaf_script)
    for key, (signature,) in collected.signatures:
        assert bitcoin.schnorr_verify(key, digest, signature)


@pytest.mark.parametrize("fault", ["wrong_signature", "short_signatures", "refuse_signing"])
def test_a_node_that_signs_badly_does_not_count_and_is_named(fault: str) -> None:
    setting = Setting()
    setting.notify()
    for node in setting.nodes[:2]:
        node.faults.change({fault: True})
    setting.ask_signatures()
    (short,) = setting.bridge
    assert isinstance(short, SignaturesShort)
    assert (short.collected, short.needed) == (1, 2)
    assert [reason.startswith(f"governance {n + 1}: ") for n, reason in enumerate(short.reasons)]
    assert short.reasons[2] == "governance 3: signed"
    assert "signed" not in short.reasons[0].split()


def test_a_node_that_never_answers_ends_with_the_deadline() -> None:
    setting = Setting()
    setting.notify()
    for node in setting.nodes[1:]:
        node.faults.change({"ignore_signing": True})
    setting.ask_signatures()
    assert setting.bridge == []
    setting.bench.run_for(31)
    (short,) = setting.bridge
    assert short.reasons[1] == "governance 2: no answer"


def test_what_a_node_missed_it_hears_in_order_when_it_is_back() -> None:
    """The deposit before the signature request: it could not judge that without it."""
    setting = Setting()
    setting.cut(0, down=True)
    setting.notify()
    setting.ask_signatures()
    assert isinstance(setting.bridge[0], SignaturesCollected)  # two of three suffice
    assert setting.streams()[0].queued == 2
    setting.cut(0, down=False)
    setting.bench.run_for(15)
    state: Any = setting.nodes[0].state()
    assert (state["refused"], len(state["signed"])) == ([], 1)
    assert setting.streams()[0].queued == 0


def test_the_wait_grows_with_every_failure_and_is_forgotten_once_ready() -> None:
    setting = Setting(down=(0,))
    setting.bench.run_for(20)
    view = setting.streams()[0]
    assert view.state in ("down", "opening")
    assert "refused" in view.reason
    assert 14 <= view.attempts <= 19  # 0.1 + 0.2 + 0.4 + 0.8, then one every 1.6 node seconds
    setting.cut(0, down=False)
    setting.bench.run_for(2)  # under two seconds after it is back
    assert (setting.streams()[0].state, setting.streams()[0].attempts) == ("ready", 0)


def test_a_refused_registration_is_tried_again_and_then_left_alone_for_a_while() -> None:
    setting = Setting()
    setting.nodes[0].faults.change({"refuse_registration": True})
    setting.cut(0, down=True)
    setting.cut(0, down=False)
    setting.bench.run_for(20)
    view = setting.streams()[0]
    assert (view.state, view.reason) == ("suspended", "registration refused: told to refuse")
    asked = setting.nodes[0].faults.touched["refuse_registration"]
    setting.bench.run_for(30)
    assert setting.nodes[0].faults.touched["refuse_registration"] == asked == 5
    setting.nodes[0].faults.change({"refuse_registration": False})
    setting.bench.run_for(35)
    assert setting.streams()[0].state == "ready"


def test_a_refused_token_is_told() -> None:
    setting = Setting(token="secret")
    setting.nodes[1].faults.change({"refuse_token": True})
    setting.cut(1, down=True)
    setting.cut(1, down=False)
    setting.bench.run_for(20)
    view = setting.streams()[1]
    assert (view.state, view.reason) == ("suspended", "the token is not valid any more")


def test_a_request_is_answered_under_its_own_id() -> None:
    setting = Setting()
    reply = begin(setting, "mine", heartbeat(), endpoint=1)
    setting.bench.run_for(0.5)
    answer = reply.result()
    assert (answer.outcome, answer.endpoint) == ("answered", 1)
    assert pb.StreamResponse.FromString(answer.response).metadata.request_id == "mine"


def test_requests_made_while_governance_is_away_are_seen_after_the_registration_in_order() -> None:
    setting = Setting(down=(0, 1, 2))
    replies = [begin(setting, f"n{number}", notice(number), None) for number in range(100)]
    again = begin(setting, "n7", notice(7), None)
    setting.bench.run_for(5)
    assert not any(reply.done for reply in replies)
    assert [one.queued for one in setting.streams()] == [100] * 3
    setting.cut(1, down=False)
    setting.bench.run_for(2)
    assert seen(setting, 1)[1:] == [f"n{number}" for number in range(100)]
    assert seen(setting, 1)[0].startswith("register:1:")
    assert {reply.result().outcome for reply in (*replies, again)} == {"delivered"}


def test_a_request_that_is_never_sent_ends_with_a_timeout_and_is_not_sent_later() -> None:
    setting = Setting(down=(0,))
    reply = begin(setting, "late", notice(1))
    setting.bench.run_for(301)
    assert reply.result().outcome == "timeout"
    setting.cut(0, down=False)
    setting.bench.run_for(2)
    assert len(seen(setting)) == 1


def test_the_oldest_makes_room_and_its_asker_is_told() -> None:
    setting = Setting(down=(0,))
    replies = [begin(setting, f"n{number}", notice(number)) for number in range(500)]
    setting.bench.run_for(0.1)  # a mailbox has its bound too
    replies += [begin(setting, f"n{number}", notice(number)) for number in range(500, 1003)]
    setting.bench.run_for(1)
    told = [reply.result().outcome for reply in replies if reply.done]
    assert told == ["dropped"] * 3
    assert all(reply.done for reply in replies[:3])
    view = setting.streams()[0]
    assert (view.queued, view.dropped) == (1000, 3)


def test_what_was_on_its_way_when_the_stream_broke_is_sent_again() -> None:
    setting = Setting()
    reply = begin(setting, "lost", heartbeat())
    setting.cut(0, down=True)
    setting.bench.run_for(0.01)
    setting.cut(0, down=False)
    setting.bench.run_for(2)
    assert reply.result().outcome == "answered"
    assert seen(setting)[-1] == "lost"


def test_an_answer_that_nobody_asked_for_is_counted_and_shown() -> None:
    setting = Setting()
    setting.notify()
    setting.nodes[2].faults.change({"foreign_answers": True})
    setting.ask_signatures()
    view = setting.streams()[2]
    assert (view.unmatched, view.last_unmatched) == (1, "never asked 1")
    assert [one.unmatched for one in setting.streams()[:2]] == [0, 0]


def test_heartbeats_are_acked_and_confirm_what_went_before() -> None:
    setting = Setting()
    setting.notify()
    assert [one.unconfirmed for one in setting.streams()] == [1] * 3
    setting.bench.run_for(31)
    views = setting.streams()
    assert [(one.heartbeats_sent, one.heartbeats_acked) for one in views] == [(1, 1)] * 3
    assert [one.unconfirmed for one in views] == [0] * 3


def test_a_node_that_acks_no_heartbeats_is_left_and_tried_again() -> None:
    setting = Setting()
    setting.nodes[0].faults.change({"ignore_heartbeats": True})
    setting.bench.run_for(125)
    state: Any = setting.nodes[0].state()
    assert state["received"]["node_registration"] == 2


def test_a_second_attempt_has_an_id_of_its_own() -> None:
    setting = Setting()
    setting.notify()
    setting.ask_signatures(attempt=1)
    setting.ask_signatures(attempt=2)
    state: Any = setting.nodes[0].state()
    ids = [signed["request_id"] for signed in state["signed"]]
    assert ids == [f"{OPERATION}/1", f"{OPERATION}/2"]


def test_governance_sees_what_chain_reports() -> None:
    setting = Setting()
    for height, state in ((4, "active"), (5, "halted")):
        setting.bench.tell("stream", ReportStatus(height=height, finalised_height=0, state=state))
        setting.bench.run_for(0.5)
    seen: Any = setting.nodes[2].state()
    assert seen["last_status"]["block_height"] == 5
    assert seen["last_status"]["status"] == "NODE_STATUS_DEGRADED"
    assert seen["last_status"]["connection_count"] == 3


def test_a_session_is_renewed_on_its_stream_and_never_ends() -> None:
    setting = Setting()
    setting.bench.run_for(8_000)
    setting.notify()
    for node in setting.nodes:
        state: Any = node.state()
        assert (state["errors"], state["received"]["node_registration"]) == (0, 3)
        assert (len(state["coins"]), len(state["connections"])) == (1, 1)
    assert [one.unmatched for one in setting.streams()] == [0, 0, 0]


def test_a_session_that_is_not_renewed_ends() -> None:
    """What the renewal is for: the node on the other side does mean it."""
    setting = Setting()
    node = setting.nodes[0]
    state: Any = node.state()
    (connection,) = state["connections"]
    node.registry.get(connection["connection_id"]).registration = msgspec.structs.replace(
        node.registry.get(connection["connection_id"]).registration,  # type: ignore[type-var]
        expires_at=0,
    )
    setting.notify()
    assert node.signer.coins == {}
    assert "the session is over" in setting.streams()[0].reason


@pytest.mark.parametrize(
    "frame",
    [
        b"\x0a\x04\x0a\x02hi"
        + b"\xd2\x05\x02\x08\x01",  # a payload kind that this proto does not have (90)
        b"\xa2\x01\x02\x08\x4d",  # a signature response with the status 77
        b"\xf2\x01\x02\x08\x4d",  # a federation update of the type 77
        b"\xc2\x02\x02\x12\x00\x92\x03\x02\x08\x4d",  # an error with the code 77
        b"",
    ],
    ids=["kind", "status", "update", "error", "empty"],
)
def test_what_a_newer_governance_may_send_is_survived(frame: bytes) -> None:
    setting = Setting()
    response = pb.StreamResponse.FromString(frame)
    response.metadata.request_id = f"{OPERATION}/1"
    for node in setting.nodes[1:]:
        node.faults.change({"ignore_signing": True})
    setting.notify()
    for node in setting.nodes[:2]:
        node._outgoing.append(("stream-1", response))
    setting.ask_signatures()
    assert [one.state for one in setting.streams()] == ["ready"] * 3
    setting.bench.run_for(40)
    assert isinstance(setting.bridge[0], SignaturesShort)
    assert [one.state for one in setting.streams()] == ["ready"] * 3


def test_nodes_that_pass_witnesses_on_complete_and_the_threshold_is_counted_here() -> None:
    setting = Setting(peers=True)
    setting.notify()
    setting.nodes[1].faults.change({"ignore_signing": True})
    setting.nodes[2].faults.change({"ignore_signing": True})
    setting.ask_signatures()
    setting.nodes[2].faults.change({"ignore_signing": False})
    setting.ask_signatures(attempt=2)
    (collected,) = setting.bridge
    assert isinstance(collected, SignaturesCollected)
    assert len(collected.signatures) == 2
    state: Any = setting.nodes[0].state()
    assert state["answered"]["SIGNATURE_STATUS_COMPLETE"] >= 1
    assert [one.unmatched for one in setting.streams()] == [0, 0, 0]


def test_a_pending_answer_is_no_answer_yet() -> None:
    """Nodes with peers hold what they cannot judge; the deposit comes, and the signatures with it."""
    setting = Setting(peers=True)
    setting.ask_signatures()
    assert setting.bridge == []
    setting.notify()
    assert isinstance(setting.bridge[0], SignaturesCollected)


def test_a_cut_node_hears_no_witnesses() -> None:
    setting = Setting(peers=True)
    setting.notify()
    setting.cut(2, down=True)
    setting.ask_signatures()
    held: Any = setting.nodes[2].state()
    assert held["gossip"]["held"] == {}


def test_a_stream_ordered_twice_before_it_came_about_is_one_stream() -> None:
    setting = Setting()
    for _ in range(9):
        setting.bench.tell("governance", OpenStream(endpoint=0, token=None))
    setting.bench.run_for(1)
    assert len(setting.nodes[0].registry) == 1
