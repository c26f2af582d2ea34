"""Who believes a forgery is named; refusals are counted by whether they are for the reason that was meant."""

import pytest

from alys.base.errors import Inconclusive
from alys.oracles.forgery import Believed, Forgery


def judge() -> Forgery:
    return Forgery(["slot-used"])


def test_an_approval_names_the_authority_and_the_forgery() -> None:
    with pytest.raises(Believed, match="node-1 approved a block that is forged: minted again"):
        judge().feed("minted again", "node-1", approved=True, reason="", expected="known")


def test_to_refuse_it_for_ones_votes_alone_is_to_find_nothing_wrong() -> None:
    with pytest.raises(Believed, match="found nothing wrong"):
        judge().feed("minted again", "node-1", approved=False, reason="slot-used", expected="known")


def test_refusals_count_and_those_for_another_reason_prove_nothing() -> None:
    found = judge()
    with pytest.raises(Inconclusive):
        found.require()
    found.feed("minted again", "node-1", approved=False, reason="other", expected="known")
    with pytest.raises(Inconclusive):
        found.require()
    found.feed("minted again", "node-1", approved=False, reason="known", expected="known")
    found.require()
    assert found.samples == {"forgeries": 1, "refused_otherwise": 1}


def test_a_node_that_has_the_block_has_imported_it() -> None:
    found = judge()
    found.feed_imported("without a quorum", "node-1", imported=False)
    with pytest.raises(Believed, match="node-1 imported"):
        found.feed_imported("without a quorum", "node-1", imported=True)
    assert found.samples["forgeries"] == 1
