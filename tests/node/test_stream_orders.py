"""What governance orders passes through the Stream actor when it is signed, is stored, and what must be heard is said again."""

import base64
from typing import Any

import pytest

from alys.base.errors import UsageError
from alys.chain import federation_update
from alys.chain.federation import Federation
from alys.node.announcements import AnnouncementView
from alys.node.names import StreamNames
from alys.node.orders import (
    FederationAnnounced,
    FederationsKnown,
    Halt,
    HaltChanged,
    PeginNoticed,
    ProposalAnnounced,
    RepeatUnconfirmed,
)
from alys.node.stream import GetAnnouncements, Stream
from alys.node.stream_figures import StreamFigures
from alys.worlds.memory import LookRound
from tests.models.governance.builders import KEYS
from tests.node.streams import DEPOSIT, OPERATION, Setting, begin, heartbeat, notice, seen

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
