"""What governance announces counts when the federation's threshold has said it, and not before."""

from typing import Any

import pytest

from alys.chain import federation_update
from alys.chain.federation import Federation
from alys.chain.spec import dev_federation
from alys.node.announcements import WORDS_KEPT, Announcements
from alys.node.orders import Halt
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb
from tests.chain.chains import announcement, evidence

OLD = dev_federation()
NEW = Federation(
    keys=tuple(bitcoin.xonly_of(n.to_bytes(32, "big")) for n in (4, 5, 6)), threshold=2
)


def said(update: pb.FederationUpdate, *secrets: int) -> pb.FederationUpdate:
    """As it comes from those who hold these keys."""
    return pb.FederationUpdate.FromString(evidence(update, *secrets))


def halt(number: int = 1, state: str = "in force", reason: str = "") -> pb.FederationUpdate:
    update = announcement(0, 1, 2, 3)
    update.update_type = pb.FEDERATION_UPDATE_TYPE_EMERGENCY_HALT
    if state == "lifted":
        update.update_type = pb.FEDERATION_UPDATE_TYPE_CONFIG_CHANGE
    update.config.parameters["emergency_halt"] = state
    update.config.parameters["number"] = str(number)
    if reason:
        update.config.parameters["reason"] = reason
    return update


def test_a_halt_is_acted_upon_when_the_threshold_has_said_it_and_once() -> None:
    heard = Announcements(OLD)
    assert heard.heard("g1", said(halt(reason="a key is lost"), 1)) is None
    assert heard.view().waiting[0][1] == 1
    assert heard.heard("g1", said(halt(reason="a key is lost"), 1)) is None, (
        "one voice is one voice"
    )
    order = heard.heard("g2", said(halt(reason="a key is lost"), 2))
    assert order == Halt(number=1, in_force=True, reason="a key is lost")
    assert heard.heard("g3", said(halt(reason="a key is lost"), 3)) is None
    view = heard.view()
    assert (view.halted, view.agreed, view.refused, view.waiting) == (True, 1, 0, ())


def test_other_words_are_other_words() -> None:
    heard = Announcements(OLD)
    heard.heard("g1", said(halt(reason="one"), 1))
    assert heard.heard("g2", said(halt(reason="other"), 2)) is None
    assert [count for _, count in heard.view().waiting] == [1, 1]


def test_a_halt_ends_by_a_later_number_only() -> None:
    heard = Announcements(OLD)
    assert heard.heard("g", said(halt(2), 1, 2)) is not None
    assert heard.heard("g", said(halt(1, "lifted"), 1, 2)) is None
    assert heard.heard("g", said(halt(2, "lifted"), 1, 2)) is None
    assert heard.heard("g", said(halt(3, "lifted"), 1, 2)) == Halt(number=3, in_force=False)


def test_a_halt_that_was_acted_upon_before_a_restart_is_an_old_one() -> None:
    heard = Announcements(OLD)
    heard.halt = Halt(number=5, in_force=False)
    assert heard.heard("g", said(halt(5), 1, 2)) is None
    assert heard.heard("g", said(halt(6), 1, 2)) is not None


def test_a_change_becomes_evidence_that_a_block_may_have() -> None:
    heard = Announcements(OLD)
    wanted = announcement(50, 1, 2, 4)
    assert heard.heard("g2", said(wanted, 2)) is None
    order = heard.heard("g1", said(wanted, 1))
    assert isinstance(order, bytes)
    assert federation_update.read(order, OLD).effective_height == 50
    assert order == evidence(wanted, 1, 2)


def test_a_forged_word_is_refused_counted_and_named() -> None:
    heard = Announcements(OLD)
    for who, update in (
        ("nobody", said(halt(), 9)),
        ("g1", pb.FederationUpdate.FromString(evidence(halt(), 1))),
    ):
        if who == "g1":
            update.effective_height = 7  # after it was signed
        assert heard.heard(who, update) is None
    view = heard.view()
    assert (view.refused, view.agreed) == (2, 0)
    assert view.last_refused.startswith("g1: the signature of")
    strangers = Announcements(OLD)
    assert strangers.heard("x", said(halt(), 7, 8, 9)) is None
    assert strangers.view().refused == 3
    assert "no member" in strangers.view().last_refused


@pytest.mark.parametrize(
    "update",
    [
        halt(),
        halt(0),
        halt(-1),
        halt(10**30),
        announcement(50, 1, 2, 4, threshold=1),
        announcement(50, 1, 2, 4, update_type=77),
    ],
    ids=["unsigned", "number 0", "number -1", "a long number", "threshold", "kind"],
)
def test_what_makes_no_sense_is_refused(update: pb.FederationUpdate) -> None:
    heard = Announcements(OLD)
    signed = update if update == halt() else said(update, 1, 2)
    assert heard.heard("g", signed) is None
    assert (heard.view().refused, heard.view().waiting) == (1, ())


def test_what_the_next_federation_said_too_early_counts_when_it_is_in_force() -> None:
    heard = Announcements(OLD)
    assert heard.heard("g", said(halt(), 4, 5)) is None
    assert heard.view().refused == 2
    assert heard.changed(OLD) == []
    assert heard.changed(NEW) == [Halt(number=1, in_force=True)]
    assert heard.changed(OLD) == []
    assert heard.heard("g", said(halt(2), 4, 5)) is None, "those who left have no voice"


def test_words_are_bounded() -> None:
    heard = Announcements(OLD)
    for number in range(1, WORDS_KEPT + 3):
        heard.heard("g", said(halt(number), 1))
    assert len(heard.view().waiting) == WORDS_KEPT


def proposal(**fields: Any) -> pb.ProposalNotification:
    given = {"proposal_id": "p1", "proposal_type": 4, "voting_deadline": 9, "required_votes": 2}
    return pb.ProposalNotification(**{**given, **fields})


def test_a_proposal_is_news_once_per_node_that_tells_of_it() -> None:
    heard = Announcements(OLD)
    first = heard.proposed(0, proposal())
    assert first is not None
    assert (first.id, first.kind, first.endpoints) == ("p1", "PROPOSAL_TYPE_UPGRADE", (0,))
    assert heard.proposed(0, proposal()) is None
    second = heard.proposed(2, proposal())
    assert second is not None
    assert second.endpoints == (0, 2)
    changed = heard.proposed(1, proposal(required_votes=3))
    assert changed is not None
    assert changed.endpoints == (1,), "other words are another proposal under its id"
    assert heard.proposed(0, proposal(proposal_id="")) is None
