"""The governance streams against real governance nodes over links in memory."""

import base64
from typing import Any

import msgspec
import pytest

from alys.base.errors import UsageError
from alys.base.units import Sats
from alys.chain import federation_update
from alys.chain.federation import Federation
from alys.chain.peg import Deposit
from alys.models.governance.node import GovernanceNode
from alys.node.announcements import AnnouncementView
from alys.node.calls import AskGovernance
from alys.node.messages import (
    NotifyPegin,
    ReportStatus,
    RequestSignatures,
    SignaturesCollected,
    SignaturesShort,
)
from alys.node.orders import (
    FederationAnnounced,
    FederationsKnown,
    Halt,
    HaltChanged,
    PeginNoticed,
    ProposalAnnounced,
    RepeatUnconfirmed,
)
from alys.node.peer import PeerView
from alys.node.ports import OpenStream
from alys.node.storage import Storage
from alys.node.stream import GetAnnouncements, GetStreamStatus, Stream, StreamNames
from alys.node.stream_figures import FIGURES, StreamFigures
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb
from alys.worlds.governance_link import GovernanceLink
from alys.worlds.memory import Cut, GovernancePort, LookRound
from tests.models.governance.builders import KEYS, PAYEE_SCRIPT, make_node
from tests.node.bench import Bench

DEPOSIT = Deposit(txid="ab" * 32, vout=0, sats=Sats(5_000_000), evm_address=b"\x42" * 20)
OPERATION = "pegout:0x11:0"


class Setting:
    """A Stream actor and three governance nodes."""

    def __init__(
        self,
        seed: int = 1,
        down: tuple[int, ...] = (),
        token: str | None = None,
        peers: bool = False,
        figures: StreamFigures = FIGURES,
    ) -> None:
        self.bench = Bench(seed)
        self.nodes: list[GovernanceNode] = [make_node(n, bearer_token=token) for n in range(3)]
        for node in self.nodes if peers else ():
            others = [other.node_id for other in self.nodes if other is not node]
            node.witnesses.peers = dict.fromkeys(others, True)
        self.links = [
            GovernanceLink(node=node, down=n in down) for n, node in enumerate(self.nodes)
        ]
        delays = self.bench.random.fork("delays")
        self.bench.start("governance", lambda: GovernancePort(self.links, delays))
        self.bench.store("store")
        self.bench.start("storage", lambda: Storage("store"))
        self.told: list[Any] = self.bench.probe("bridge")
        self.chain: list[Any] = self.bench.probe("chain")
        self.federation = Federation(keys=tuple(KEYS), threshold=2)
        names = StreamNames(
            bridge="bridge", chain="chain", storage="storage", governance="governance"
        )
        self._stream = lambda: Stream(
            self.federation, names, endpoints=3, node_id="alys", token=token, figures=figures
        )
        self.bench.start("stream", self._stream)
        self.bench.run_for(0.5)

    def restart(self) -> None:
        """Another incarnation of the actor."""
        self.bench.stop("stream")
        self.bench.start("stream", self._stream)
        self.bench.run_for(0.5)

    @property
    def bridge(self) -> list[Any]:
        """What Bridge is told of signatures."""
        return [one for one in self.told if isinstance(one, SignaturesCollected | SignaturesShort)]

    def streams(self) -> tuple[PeerView, ...]:
        return self.bench.ask("stream", GetStreamStatus())

    def cut(self, endpoint: int, *, down: bool) -> None:
        self.bench.tell("governance", Cut(endpoint=endpoint, down=down))

    def notify(self) -> None:
        self.bench.tell("stream", NotifyPegin(deposit=DEPOSIT, confirmations=6))
        self.bench.run_for(0.5)

    def ask_signatures(self, attempt: int = 1) -> bitcoin.Tx:
        place = bitcoin.OutPoint(txid=DEPOSIT.txid, vout=0)
        tx = bitcoin.Tx(
            inputs=(bitcoin.TxIn(outpoint=place, sequence=0xFFFFFFFD),),
            outputs=(
                bitcoin.TxOut(value=1_000_000, script=PAYEE_SCRIPT),
                bitcoin.TxOut(value=3_999_000, script=self.federation.script_pubkey),
            ),
        )
        request = RequestSignatures(
            operation=OPERATION,
            attempt=attempt,
            txid=tx.txid,
            tx=tx.serialize(witness=False),
            input_sats=(5_000_000,),
        )
        self.bench.tell("stream", request)
        self.bench.run_for(0.5)
        return tx


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


def notice(number: int) -> bytes:
    said = pb.PeginNotification(btc_txid=f"{number:064x}", amount=1000)
    return pb.StreamRequest(pegin_notification=said).SerializeToString()


def heartbeat() -> bytes:
    return pb.StreamRequest(heartbeat=pb.Heartbeat(sequence=77)).SerializeToString()


def begin(setting: Setting, name: str, payload: bytes, endpoint: int | None = 0) -> Any:
    stream = setting.bench.system.whereis("stream")
    asked = AskGovernance(request_id=name, payload=payload, endpoint=endpoint)
    return setting.bench.system.ask(stream, asked)


def seen(setting: Setting, index: int = 0) -> list[str]:
    state: Any = setting.nodes[index].state()
    return [one["request_id"] for one in state["seen"]]


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


HALT: dict[str, Any] = {"emergency_halt": {"reason": "a key is lost"}}
RESUME: dict[str, Any] = {"resume": {}}
CHANGE: dict[str, Any] = {
    "federation_update": {
        "update_type": "FEDERATION_UPDATE_TYPE_MEMBER_REMOVE",
        "members": [
            {"member_id": f"m{n}", "public_key": base64.b64encode(key).decode(), "active": True}
            for n, key in enumerate(KEYS[:2])
        ],
        "effective_height": 1_000_000,
        "config": {"signature_threshold": 2},
    }
}
PROPOSAL: dict[str, Any] = {
    "proposal": {
        "proposal_id": "p1",
        "proposal_type": "PROPOSAL_TYPE_UPGRADE",
        "voting_deadline": 2**40,
        "required_votes": 1,
    }
}


def push(setting: Setting, said: dict[str, Any], *endpoints: int) -> None:
    """Governance nodes announce something, one after the other."""
    for endpoint in endpoints:
        setting.nodes[endpoint].push(said)
        setting.bench.tell("governance", LookRound(endpoint=endpoint))
        setting.bench.run_for(0.5)


def told_of(heard: list[Any], kind: type[Any]) -> list[Any]:
    return [one for one in heard if isinstance(one, kind)]


def announcements(setting: Setting) -> AnnouncementView:
    return setting.bench.ask("stream", GetAnnouncements())


def test_one_voice_halts_nothing_and_two_of_three_do() -> None:
    setting = Setting()
    push(setting, HALT, 0)
    assert told_of(setting.chain, HaltChanged) == []
    assert announcements(setting).waiting[0][1] == 1
    push(setting, HALT, 2)
    halt = Halt(number=1, in_force=True, reason="a key is lost")
    for heard in (setting.chain, setting.told):
        assert told_of(heard, HaltChanged) == [HaltChanged(halt=halt)]
    push(setting, RESUME, 0, 2)
    assert [one.halt.in_force for one in told_of(setting.chain, HaltChanged)] == [True, False]
    assert [one.unmatched for one in setting.streams()] == [0, 0, 0]


def test_a_halt_is_stored_before_anybody_is_told() -> None:
    setting = Setting()
    push(setting, HALT, 0, 1)
    assert any(b"a key is lost" in value for value in setting.bench.disk.pairs.values())
    setting.restart()
    assert announcements(setting).halted
    setting.bench.run_for(5)
    assert len(told_of(setting.chain, HaltChanged)) == 1, "what stands is said again, and is known"


def test_a_change_goes_to_bridge_and_chain_with_its_evidence() -> None:
    setting = Setting()
    push(setting, CHANGE, 1)
    assert told_of(setting.chain, FederationAnnounced) == []
    push(setting, CHANGE, 0)
    (announced,) = told_of(setting.chain, FederationAnnounced)
    assert told_of(setting.told, FederationAnnounced) == [announced]
    change = federation_update.read(announced.evidence, setting.federation)
    assert change.federation.keys == tuple(KEYS[:2])


def test_a_forged_announcement_goes_nowhere_and_is_shown() -> None:
    setting = Setting()
    said = {**CHANGE["federation_update"], "update_signature": base64.b64encode(b"x" * 96).decode()}
    push(setting, {"federation_update": said}, 0, 1, 2)
    assert told_of(setting.chain, FederationAnnounced) == []
    view = announcements(setting)
    assert (view.refused, view.agreed) == (3, 0)
    assert "does not verify" in view.last_refused
    assert view.last_refused.startswith("governance-3: ")


def test_a_proposal_goes_to_chain_with_those_who_told_of_it() -> None:
    setting = Setting()
    push(setting, PROPOSAL, 0, 1)
    told = told_of(setting.chain, ProposalAnnounced)
    assert [one.proposal.endpoints for one in told] == [(0,), (0, 1)]
    assert told[0].proposal.id == "p1"


def test_a_stream_that_stands_again_hears_what_still_stands() -> None:
    setting = Setting()
    setting.cut(0, down=True)
    push(setting, HALT, 0, 1)
    assert told_of(setting.chain, HaltChanged) == []
    setting.cut(0, down=False)
    setting.bench.run_for(5)
    assert len(told_of(setting.chain, HaltChanged)) == 1


def test_the_voice_of_the_next_federation_counts_when_it_is_in_force() -> None:
    setting = Setting()
    lone = Federation(keys=(KEYS[0],), threshold=1)
    push(setting, HALT, 0)
    setting.bench.tell("stream", FederationsKnown(federations=(setting.federation, lone)))
    setting.bench.run_for(0.5)
    assert len(told_of(setting.chain, HaltChanged)) == 1


# What must not be lost


def test_when_all_have_heard_of_a_deposit_bridge_is_told() -> None:
    setting = Setting(down=(2,))
    setting.notify()
    setting.bench.run_for(31)
    assert told_of(setting.told, PeginNoticed) == []
    setting.cut(2, down=False)
    setting.bench.run_for(35)
    assert told_of(setting.told, PeginNoticed) == [PeginNoticed(outpoint=DEPOSIT.outpoint)]


def test_who_has_begun_again_asks_for_what_it_may_have_lost_once() -> None:
    setting = Setting()
    assert len(told_of(setting.told, RepeatUnconfirmed)) == 1
    setting.cut(0, down=True)
    setting.cut(0, down=False)
    setting.bench.run_for(5)
    assert len(told_of(setting.told, RepeatUnconfirmed)) == 1
    setting.restart()
    assert len(told_of(setting.told, RepeatUnconfirmed)) == 2


def test_a_notice_that_found_no_room_is_asked_for_when_the_node_is_back() -> None:
    setting = Setting(down=(0,), figures=StreamFigures(buffer_messages=1))
    setting.notify()
    begin(setting, "another", notice(1))
    setting.bench.run_for(0.5)
    assert setting.streams()[0].dropped == 1
    before = len(told_of(setting.told, RepeatUnconfirmed))
    setting.cut(0, down=False)
    setting.bench.run_for(2)
    assert len(told_of(setting.told, RepeatUnconfirmed)) == before + 1


def test_a_request_that_is_said_again_under_its_id_is_one_request() -> None:
    setting = Setting()
    setting.notify()
    for node in setting.nodes[1:]:
        node.faults.change({"ignore_signing": True})
    setting.ask_signatures()
    setting.ask_signatures()
    assert seen(setting).count(f"{OPERATION}/1") == 1


# Bounds


def test_an_answer_that_never_comes_ends_the_wait_for_it() -> None:
    setting = Setting()
    setting.nodes[0].faults.change({"ignore_heartbeats": True})
    reply = begin(setting, "unheard", heartbeat())
    setting.bench.run_for(55)
    assert not reply.done
    setting.bench.run_for(20)
    assert reply.result().outcome == "timeout"


def test_no_more_than_a_hundred_requests_are_out_at_once() -> None:
    setting = Setting()
    setting.nodes[0].faults.change({"ignore_heartbeats": True})
    for number in range(150):
        begin(setting, f"n{number}", heartbeat())
    setting.bench.run_for(1)
    view = setting.streams()[0]
    assert (view.pending, view.queued) == (100, 50)
    setting.bench.run_for(75)
    assert setting.streams()[0].queued == 0


def test_a_stream_on_which_nothing_comes_is_left() -> None:
    figures = StreamFigures(heartbeat_seconds=10_000.0, idle_seconds=50.0)
    setting = Setting(figures=figures)
    setting.bench.run_for(65)
    state: Any = setting.nodes[0].state()
    assert state["received"]["node_registration"] == 2


@pytest.mark.parametrize(
    ("policy", "outcome"), [("reject_new", "refused"), ("back_pressure", "busy")]
)
def test_a_full_buffer_may_refuse_the_newcomer(policy: Any, outcome: str) -> None:
    setting = Setting(down=(0,), figures=StreamFigures(buffer_messages=1, buffer_policy=policy))
    first, second = (begin(setting, name, notice(1)) for name in ("a", "b"))
    setting.bench.run_for(0.5)
    assert not first.done
    assert second.result().outcome == outcome


def test_nodes_of_a_higher_priority_are_opened_first() -> None:
    setting = Setting(figures=StreamFigures(priorities=(0, 5, 9)))
    assert [one.priority for one in setting.streams()] == [0, 5, 9]
    assert [one.id for one in setting.streams()][1] == "gov_local_00000002"


def test_more_governance_nodes_than_may_be_are_refused() -> None:
    names = StreamNames(bridge="b", chain="c", storage="s", governance="g")
    federation = Federation(keys=tuple(KEYS), threshold=2)
    with pytest.raises(UsageError, match="at most 10"):
        Stream(federation, names, endpoints=11, node_id="alys")


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
