"""Agreement judged from what nodes show: honest nodes pass, and one broken word at a time is named with node and height."""

from typing import Any

import pytest

from alys.base.errors import Inconclusive
from alys.oracles.agreement import CHECKS, Agreement, Disagreement, Flaw
from alys.oracles.statement import BrokenFeed
from tests.oracles.builders import digest

Json = dict[str, Any]
A, B = "node", "node-1"


def root(height: int, branch: str = "") -> str:
    """Of the block at a height; branches part where the builder says so."""
    return "0x" + digest("root", height, branch)


def block(height: int, branch: str = "", parent: str = "", **more: Any) -> Json:
    """A block as a node's RPC shows it."""
    return {
        "root": root(height, branch),
        "parentRoot": root(height - 1, parent),
        "height": height,
        "slot": 100 + 2 * height + bool(branch),
        "approvals": {"indices": [0, 1], "signature": "0x"} if height else None,
        **more,
    }


def status(height: int, final: int, branch: str = "") -> Json:
    return {"height": height, "headRoot": root(height, branch), "finalisedHeight": final}


def looked(found: Agreement, node: str, height: int, final: int) -> None:
    """One look at an honest node, all blocks of it."""
    found.feed_status(node, status(height, final))
    for number in range(height + 1):
        found.feed_block(node, block(number), final=number <= final)
    found.stand(node)


def flaw(told: pytest.ExceptionInfo[Disagreement]) -> tuple[Flaw, str, int]:
    return told.value.flaw, told.value.node, told.value.height


def test_honest_nodes_agree_and_every_check_saw_something() -> None:
    found = Agreement(3)
    looked(found, A, 5, 3)
    looked(found, B, 4, 2)
    looked(found, A, 6, 3)
    looked(found, B, 6, 3)
    found.require_one_head((A, B))
    agreed = found.found()
    agreed.require(*CHECKS)
    assert agreed.samples == {
        "agreed": 7,
        "approvals": 2 * (5 + 4 + 6 + 6),
        "converged": 1,
        "finals": 4 + 3 + 4 + 4,
        "progress": 2,
        "quorums": 5 + 4 + 6 + 6,
        "reorganisations": 0,
        "standing": 4,
    }
    assert (agreed.finalised_height, agreed.nodes) == (3, (A, B))


def test_nothing_seen_proves_nothing() -> None:
    found = Agreement(3)
    with pytest.raises(Inconclusive, match="finals"):
        found.found().require("finals")
    looked(found, A, 5, 3)
    with pytest.raises(Inconclusive, match="agreed"):
        found.found().require("agreed", "finals")
    with pytest.raises(Inconclusive, match="one head"):
        found.require_one_head((A,))


def test_a_height_that_two_nodes_finalise_differently() -> None:
    found = Agreement(3)
    looked(found, A, 5, 3)
    with pytest.raises(Disagreement) as told:
        found.feed_block(B, block(3, "fork"), final=True)
    assert flaw(told) == (Flaw.FINALISED_TWICE, B, 3)
    assert digest("root", 3, "") in str(told.value)
    assert digest("root", 3, "fork") in str(told.value)


def test_what_was_final_stays_final_for_the_node_that_said_so() -> None:
    found = Agreement(3)
    looked(found, A, 5, 3)
    with pytest.raises(Disagreement) as told:
        found.feed_block(A, block(2, "fork"), final=True)
    assert flaw(told) == (Flaw.FINALISED_TWICE, A, 2)


def test_a_final_block_that_a_node_does_not_have() -> None:
    found = Agreement(3)
    looked(found, A, 4, 3)
    with pytest.raises(Disagreement, match="cannot show a block that it calls final") as told:
        found.feed_missing(A, 2)
    assert flaw(told) == (Flaw.FINAL_MISSING, A, 2)


def test_a_block_that_is_not_final_may_have_siblings() -> None:
    found = Agreement(3)
    looked(found, A, 5, 3)
    found.feed_block(B, block(5, "fork"), final=False)


def test_a_final_block_on_another_parent() -> None:
    found = Agreement(3)
    looked(found, A, 5, 3)
    with pytest.raises(Disagreement) as told:
        found.feed_block(B, block(4, parent="fork"), final=True)
    assert flaw(told) == (Flaw.FINAL_CHAIN_BROKEN, B, 4)


def test_a_finalised_height_that_goes_back() -> None:
    found = Agreement(3)
    found.feed_status(A, status(5, 3))
    found.feed_status(B, status(5, 2))  # another node may be behind
    with pytest.raises(Disagreement) as told:
        found.feed_status(A, status(6, 2))
    assert flaw(told) == (Flaw.FINALITY_WENT_BACK, A, 6)


def test_a_head_below_its_finalised_height() -> None:
    with pytest.raises(Disagreement) as told:
        Agreement(3).feed_status(A, status(2, 3))
    assert flaw(told) == (Flaw.HEAD_BELOW_FINALITY, A, 2)


def test_a_head_that_goes_back_for_nothing() -> None:
    found = Agreement(3)
    found.feed_status(A, status(6, 3))
    with pytest.raises(Disagreement) as told:
        found.feed_status(A, status(5, 3))
    assert flaw(told) == (Flaw.HEAD_WENT_BACK, A, 5)


def test_a_shorter_branch_that_is_final_further_up_wins() -> None:
    found = Agreement(3)
    found.feed_status(A, status(6, 3))
    found.feed_status(A, status(5, 4, "fork"))


def branch(found: Agreement, node: str, height: int, final: int, name: str, parts: int) -> None:
    """A look at a node on a branch that parts from the others' above a height."""
    found.feed_status(node, status(height, final, name if height > parts else ""))
    for number in range(height + 1):
        side = name if number > parts else ""
        parent = name if number - 1 > parts else ""
        shown = block(number, side, parent, slot=100 + 2 * number + bool(side))
        found.feed_block(node, shown, final=number <= final)
    found.stand(node)


@pytest.mark.parametrize(
    ("height", "parts", "expected"),
    [(6, 5, 0), (6, 4, 1), (5, 4, 1), (7, 3, 1), (5, 5, 0)],
    ids=["grew", "grew on another branch", "a sibling", "a longer branch", "the same"],
)
def test_a_node_that_leaves_its_branch_is_counted(height: int, parts: int, expected: int) -> None:
    found = Agreement(3)
    looked(found, A, 5, 3)
    branch(found, A, height, 3, "fork", parts)
    assert found.found().samples["reorganisations"] == expected


def test_a_head_beside_what_was_called_final() -> None:
    found = Agreement(3)
    looked(found, A, 5, 3)
    found.feed_status(B, status(4, 3, "fork"))
    found.feed_block(B, block(4, "fork", parent="fork"), final=False)
    found.feed_block(B, block(3, "fork"), final=False)
    with pytest.raises(Disagreement) as told:
        found.stand(B)
    assert flaw(told) == (Flaw.HEAD_OFF_FINALITY, B, 3)


def test_a_head_may_be_beside_what_others_call_final_until_it_knows() -> None:
    """A node that was away has not heard of the finality yet."""
    found = Agreement(3)
    looked(found, A, 5, 3)
    found.feed_status(B, status(3, 2, "fork"))
    found.feed_block(B, block(3, "fork"), final=False)
    found.feed_block(B, block(2), final=True)
    found.stand(B)
    assert found.found().samples["standing"] == 2


@pytest.mark.parametrize(
    "signers", [None, {"indices": [1]}, {"indices": [1, 1]}, {"indices": [1, 7]}]
)
def test_an_imported_block_without_a_quorum(signers: Json | None) -> None:
    with pytest.raises(Disagreement) as told:
        Agreement(3).feed_block(B, block(4, approvals=signers), final=False)
    assert flaw(told) == (Flaw.QUORUM, B, 4)


def test_two_of_four_are_no_quorum() -> None:
    with pytest.raises(Disagreement, match="3 of 4"):
        Agreement(4).feed_block(A, block(4), final=False)


def test_an_authority_that_approves_two_blocks_of_one_slot() -> None:
    found = Agreement(3)
    found.feed_block(A, block(4), final=False)
    with pytest.raises(Disagreement) as told:
        found.feed_block(B, block(4, "fork", slot=108), final=False)
    assert flaw(told) == (Flaw.APPROVED_TWICE, B, 4)
    assert "authority 0" in str(told.value)


def test_an_approval_on_the_wire_counts_like_one_in_a_block() -> None:
    found = Agreement(3)
    found.feed_approval(A, authority=2, slot=108, root="aa", height=4)
    found.feed_approval(B, authority=2, slot=108, root="aa", height=4)
    with pytest.raises(Disagreement, match="authority 2"):
        found.feed_approval(A, authority=2, slot=108, root="bb", height=4)


def test_two_heads_are_no_convergence() -> None:
    found = Agreement(3)
    found.feed_status(A, status(5, 3))
    assert not found.one_head((A, B))
    with pytest.raises(Disagreement, match="node-1 nothing"):
        found.require_one_head((A, B))
    found.feed_status(B, status(5, 3, "fork"))
    assert not found.one_head((A, B))
    with pytest.raises(Disagreement) as told:
        found.require_one_head((A, B))
    assert flaw(told) == (Flaw.NOT_CONVERGED, A, 5)
    found.feed_status(B, status(5, 3))
    assert found.one_head((A, B))


@pytest.mark.parametrize("bad", [{}, {"height": 1, "headRoot": None, "finalisedHeight": 0}])
def test_a_malformed_status_is_the_feeders_fault(bad: Json) -> None:
    with pytest.raises(BrokenFeed, match="status"):
        Agreement(3).feed_status(A, bad)


@pytest.mark.parametrize("bad", [{}, {**block(1), "height": "x"}])
def test_a_malformed_block_is_the_feeders_fault(bad: Json) -> None:
    with pytest.raises(BrokenFeed, match="block"):
        Agreement(3).feed_block(A, bad, final=False)
