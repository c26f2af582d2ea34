"""Chain's desk for governance: what goes into a block, what address is told, what is shown."""

import pytest

from alys.chain import state
from alys.node.federation_desk import FederationDesk
from alys.node.names import ChainNames
from alys.node.orders import Halt, Proposal
from tests.chain.chains import SPEC, announcement, evidence, genesis, grow
from tests.chain.offers import CHANGED, NEXT

START = grow(state.genesis_state(genesis()))
UPDATE = evidence(announcement(5, 1, 2, 4), 1, 2)
NAMES = ChainNames(engine="e", storage="s", bitcoin="b", network="n")


def desk() -> FederationDesk:
    return FederationDesk(SPEC, NAMES)


def test_a_wish_goes_into_the_next_block_until_a_block_has_it() -> None:
    one = desk()
    assert one.evidence(START) is None
    one.wish(UPDATE)
    assert one.evidence(START) == UPDATE
    assert one.evidence(START) == UPDATE, "a block may come to nothing"
    planned = grow(START, update=UPDATE)
    assert one.evidence(planned) is None
    assert one.view(planned).pending is not None
    in_force = grow(grow(planned))
    assert one.evidence(in_force) is None
    assert one.view(in_force).pending is None
    assert [len(one.view(after).federations) for after in (planned, in_force)] == [1, 2]
    assert one.refused == ""


def test_a_second_wish_waits_for_the_first() -> None:
    one = desk()
    later = evidence(announcement(9, 1, 2, 5), 1, 2)
    one.wish(UPDATE)
    one.wish(later)
    planned = grow(START, update=one.evidence(START))
    assert one.evidence(planned) is None
    assert one.evidence(grow(grow(planned))) == later


def test_what_cannot_be_is_dropped_and_shown() -> None:
    one = desk()
    one.wish(evidence(announcement(3, 1, 2, 4), 1, 4))
    assert one.evidence(START) is None
    assert "signature" in one.view(START).refused


def test_the_address_is_that_of_the_next_block() -> None:
    one = desk()
    assert one.address(START) == SPEC.federation.address(SPEC.network)
    assert one.address(CHANGED) == NEXT.address(SPEC.network)


def test_the_view_says_how_long_the_old_address_takes_deposits() -> None:
    old, new = desk().view(CHANGED).federations
    assert (old.script, new.script) == (SPEC.federation.script_pubkey, NEXT.script_pubkey)
    assert old.deposits_until == new.from_height + SPEC.old_address_blocks - 1
    assert new.deposits_until is None
    shown = desk().view(CHANGED)
    assert (shown.retired_coins, shown.retired_sats) == (2, 195_999_564 + 4_000_000 - 3_999_564)


@pytest.mark.parametrize(
    ("halt", "expected"),
    [
        (Halt(), None),
        (Halt(number=2, in_force=True, reason="a key"), "emergency halt 2: a key"),
        (Halt(number=2, in_force=True), "emergency halt 2"),
        (Halt(number=3, in_force=False, reason="a key"), None),
    ],
)
def test_a_halt_forbids_production_while_it_is_in_force(halt: Halt, expected: str | None) -> None:
    one = desk()
    one.halt = halt
    assert one.halted == expected


def test_proposals_are_noted_and_replaced_by_their_id() -> None:
    one = desk()
    proposal = Proposal(id="p", kind="k", data=b"", voting_deadline=1, required_votes=2)
    one.note(proposal)
    one.note(Proposal(id="p", kind="other", data=b"", voting_deadline=1, required_votes=2))
    assert [noted.kind for noted in one.view(START).proposals] == ["other"]
