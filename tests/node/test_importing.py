"""Sealed blocks come in: stored before the execution client hears of them, siblings beside the head, reorganisations, restarts."""

from typing import Any

import pytest

from alys.chain import blocks
from alys.chain.approvals import AggregateApproval
from alys.chain.validity import Reason
from alys.node import messages
from alys.node.messages import BlockImported, BlocksReverted
from tests.node.parliament import Parliament


def heights(house: Parliament) -> list[int]:
    return [house.status(index).height for index in range(house.count)]


def reach(house: Parliament, height: int, *nodes: int) -> None:
    chosen = nodes or range(house.count)
    house.until(
        lambda: all(house.status(index).height >= height for index in chosen), f"height {height}"
    )


def test_each_block_is_executed_once_by_every_node_and_all_import_it() -> None:
    house = Parliament()
    reach(house, 3)
    house.run(1.0)
    assert len(house.heads()) == 1
    for client in house.clients:
        assert len(client.executed) == len(set(client.executed)) >= 3


def fork(house: Parliament) -> tuple[int, bytes, bytes]:
    """Two sealed blocks at one height: a proposal reaches one node only, and its approval nobody."""
    height = house.status(0).height
    pairs = [(one, other) for one in range(3) for other in range(3)]
    house.dropped = {(*pair, kind) for pair in pairs for kind in ("Approval", "SealedBlock")}
    house.dropped |= {(0, 2, "ProposedBlock"), (1, 2, "ProposedBlock"), (2, 1, "ProposedBlock")}
    house.until(lambda: len(house.heads()) > 1, "one has imported")
    ahead = next(i for i in range(3) if house.status(i).height > height)
    first = house.status(ahead).head_root
    house.groups = [int(index == ahead) for index in range(3)]
    house.dropped = set()
    others = [index for index in range(3) if index != ahead]
    house.until(
        lambda: all(house.status(i).height > height for i in others), "the others go on without it"
    )
    second = house.block(others[0], height + 1)
    assert second is not None
    return ahead, first, blocks.root(second.block)


def test_siblings_are_kept_and_the_head_goes_with_the_branch_that_is_higher() -> None:
    house = Parliament()
    reach(house, 2)
    ahead, first, second = fork(house)
    assert first != second
    other = next(index for index in range(3) if index != ahead)
    reach(house, house.status(ahead).height + 1, other)
    house.bridges[ahead].clear()
    house.groups = [0, 0, 0]
    house.sync()
    house.until(lambda: len(house.heads()) == 1, "all follow one branch")
    block = house.block(ahead, house.status(other).height)
    assert block is not None
    told = [one for one in house.bridges[ahead] if isinstance(one, BlocksReverted | BlockImported)]
    assert isinstance(told[0], BlocksReverted), "first what is taken back"
    assert all(isinstance(one, BlockImported) for one in told[1:])
    assert len(told) >= 3, "then every block of the other branch"
    assert house.clients[ahead].head == house.clients[other].head
    assert house.block(ahead, house.status(ahead).height + 1) is None
    assert not house.errors()


def test_a_reorganised_node_goes_on_from_its_store() -> None:
    house = Parliament()
    reach(house, 2)
    ahead, _, _ = fork(house)
    house.groups = [0, 0, 0]
    house.sync()
    house.until(lambda: len(house.heads()) == 1, "all follow one branch")
    before = house.status(ahead)
    house.kill(ahead)
    house.start(ahead)
    house.until(lambda: house.status(ahead).height >= before.height, "it is back")
    found = house.block(ahead, before.height)
    assert found is not None
    assert blocks.root(found.block) == before.head_root
    reach(house, before.height + 2)
    assert not house.errors()


def test_an_execution_client_that_lost_everything_above_genesis_is_given_it_again() -> None:
    house = Parliament(max_blocks_without_pow=50)
    reach(house, 3)
    client = house.clients[1]
    client.payloads = {client.genesis: client.payloads[client.genesis]}
    client.head = client.genesis
    house.kill(1)
    house.start(1)
    height = house.status(0).height
    reach(house, height + 3)
    house.until(lambda: len(house.heads()) == 1, "all follow one branch")
    assert client.head == house.clients[0].head


def sealed(house: Parliament, height: int) -> bytes:
    block = house.block(0, height)
    assert block is not None
    return blocks.encode(block)


def test_fetched_blocks_are_taken_in_order_and_sync_hears_how_far() -> None:
    house = Parliament()
    house.groups = [0, 0, 1]
    reach(house, 4, 0, 1)
    fetched = tuple(sealed(house, height) for height in (1, 2, 3, 4))
    house.bench.tell("2/chain", messages.BlocksFetched(blocks=fetched, origin="0"))
    house.until(lambda: house.status(2).height >= 4, "it has caught up")
    assert house.taken[-1] == messages.BlocksTaken(origin="0", imported=4, fault="")
    gap = (sealed(house, 1), b"junk")
    house.bench.tell("2/chain", messages.BlocksFetched(blocks=gap, origin="0"))
    house.run(1.0)
    assert house.taken[-1].imported == 1
    assert "not a consensus block" in house.taken[-1].fault


def test_a_block_without_a_quorum_is_not_imported_and_who_passed_it_on_is_not_blamed() -> None:
    house = Parliament()
    house.groups = [0, 0, 1]
    reach(house, 1, 0, 1)
    block = house.block(0, 1)
    assert block is not None
    assert block.approvals is not None
    short = blocks.SignedBlock(
        block=block.block,
        approvals=AggregateApproval(
            indices=block.approvals.indices[:1], signature=block.approvals.signature[:8]
        ),
    )
    house.groups = [0, 0, 0]
    house.bench.tell("2/chain", messages.BlockSealed(block=blocks.encode(short), origin="0"))
    house.run(0.1)
    assert house.status(2).height == 0
    assert house.deeds == []


@pytest.mark.parametrize("index", [0, 2])
def test_a_block_whose_height_is_final_is_refused_and_one_with_an_unknown_parent_asked_about(
    index: int,
) -> None:
    house = Parliament()
    reach(house, 2)
    house.until(lambda: house.mine(0), "there is work")
    house.until(lambda: house.status(index).finalised_height >= 2, "it is final")
    old = house.block(index, 1)
    assert old is not None
    heard: list[Any] = house.bench.probe("forger")
    forged = blocks.ConsensusBlock(
        parent_root=b"\x01" * 32, slot=old.block.slot, payload=old.block.payload
    )
    signed = blocks.SignedBlock(block=forged, approvals=old.approvals)
    proposal = messages.BlockProposed(block=blocks.encode(signed), origin="1")
    house.bench.tell(f"{index}/chain", proposal)
    house.run(0.5)
    refusals = house.status(1).refusals
    assert refusals[-1][2] == Reason.INVALID_HEIGHT.value
    assert heard == []
