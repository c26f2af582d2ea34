"""Chain among its peers: what halts production and how it says so, approvals that count for nothing, votes that outlive a crash."""

import msgspec

from alys.actors.message import Message
from alys.chain import approvals, blocks, slots
from alys.chain.blocks import ConsensusBlock, SignedBlock
from alys.chain.forkchoice import Objection
from alys.node import messages, questions
from tests.node.parliament import SCHEME, Parliament
from tests.node.test_importing import reach


def reason(house: Parliament, index: int) -> str:
    status = house.status(index)
    return status.reason if status.state == "halted" else ""


# What halts production


def test_without_an_auxpow_production_ends_and_goes_on_with_one() -> None:
    house = Parliament(max_blocks_without_pow=3)
    reach(house, 3)
    house.until(lambda: reason(house, 0) == "max_blocks_without_pow", "it says why")
    assert house.status(0).height == 3
    assert house.mine(1)
    reach(house, 5)
    assert house.status(0).state == "active"


def test_with_fewer_than_two_thirds_the_chain_stalls_says_so_and_goes_on_when_one_is_back() -> None:
    house = Parliament()
    reach(house, 1)
    house.kill(1)
    reach(house, house.status(0).height + 1, 0, 2)
    house.kill(2)
    house.until(lambda: reason(house, 0).startswith("approvals: 1 of 2"), "it says why")
    height = house.status(0).height
    house.run(20.0)
    assert house.status(0).height == height
    house.start(2)
    reach(house, height + 2, 0, 2)
    assert reason(house, 0) == ""
    assert not house.errors()


def test_an_execution_client_that_builds_nothing_halts_production_and_is_tried_again() -> None:
    house = Parliament()
    reach(house, 1)
    for client in house.clients:
        client.builds_nothing = True
    house.until(lambda: "no payload id" in reason(house, 0), "it says why")
    height = house.status(0).height
    house.clients[0].builds_nothing = False
    reach(house, height + 1)
    assert reason(house, 0) == ""
    assert not house.errors()


def test_an_execution_client_that_lost_the_heads_payload_halts_production_and_is_given_it_again() -> (
    None
):
    house = Parliament(max_blocks_without_pow=50)
    reach(house, 2)
    client = house.clients[0]
    client.payloads = {client.genesis: client.payloads[client.genesis]}
    client.head = client.genesis
    house.groups = [0, 1, 1]
    house.until(lambda: bool(reason(house, 0)), "it says why")
    assert "SYNCING" in reason(house, 0) or "approvals" in reason(house, 0)
    house.groups = [0, 0, 0]
    house.sync()
    reach(house, house.status(1).height + 3)
    assert client.head == house.clients[1].head
    assert not house.errors()


def test_an_execution_client_that_is_away_halts_production_and_costs_no_restart() -> None:
    house = Parliament(max_blocks_without_pow=50)
    reach(house, 1)
    house.run(0.5)
    house.clients[0].down = True
    house.run(4.0)
    house.until(lambda: "away" in reason(house, 0), "it says why")
    house.run(10.0)
    house.clients[0].down = False
    house.sync()
    reach(house, house.status(1).height + 1)
    assert not house.errors()


def test_a_node_that_is_behind_or_whose_federation_is_not_there_makes_nothing() -> None:
    house = Parliament()
    reach(house, 1)
    for told, why in (
        (messages.SyncState(synced=False, own_height=1, best_height=9), "not synced"),
        (messages.FederationHealth(reachable=1, needed=2), "federation unhealthy"),
    ):
        house.bench.tell("0/chain", messages.SyncState(synced=True, own_height=1, best_height=1))
        house.bench.tell("0/chain", told)
        assert reason(house, 0).startswith(why)
    for index in (1, 2):
        house.bench.ask(f"{index}/chain", questions.PauseProduction(reason="only 0 may"))
    house.run(1.0)
    height = house.status(0).height
    house.run(12.0)
    assert house.status(0).height == height


# Approvals and votes


def offered(house: Parliament, index: int, slot: int, height: int) -> SignedBlock:
    """A block of a slot beside the one at this height, by its author."""
    found = house.block(index, height)
    assert found is not None
    payload = msgspec.structs.replace(found.block.payload, block_hash=b"\x42" * 32)
    for client in house.clients:
        client.payloads[payload.block_hash] = payload
    block = ConsensusBlock(parent_root=found.block.parent_root, slot=slot, payload=payload)
    author = slots.author_index(slot, house.count)
    signer = SCHEME.signer(house.secrets[author])
    approval = approvals.approve(signer, author, blocks.root(block))
    return SignedBlock(block=block, approvals=approvals.merge(None, approval, SCHEME))


def verdict(house: Parliament, index: int, block: SignedBlock, origin: int) -> str:
    """What a node says of it to the one that it came from."""
    house.bench.tell(
        f"{index}/chain",
        messages.BlockProposed(block=blocks.encode(block), origin=str(origin)),
    )
    house.run(0.2)
    said = [
        why
        for root, who, why in house.status(origin).refusals
        if root == blocks.root(block.block).hex() and who == str(index)
    ]
    return said[-1] if said else ""


def test_after_a_crash_no_slot_is_approved_twice() -> None:
    house = Parliament()
    reach(house, 2)
    for index in range(3):
        house.bench.ask(f"{index}/chain", questions.PauseProduction(reason="looking"))
    house.run(2.0)
    head = house.status(0)
    voter = (slots.author_index(head.slot, 3) + 1) % 3
    rival = offered(house, 0, head.slot, head.height)
    assert verdict(house, voter, rival, (voter + 1) % 3) == Objection.SLOT_USED.value
    house.kill(voter)
    house.start(voter)
    house.run(0.5)
    again = offered(house, 0, head.slot, head.height)
    again = msgspec.structs.replace(again, approvals=rival.approvals)
    assert verdict(house, voter, again, (voter + 1) % 3) == Objection.SLOT_USED.value


def test_who_builds_beside_the_head_is_refused_and_shown_the_head() -> None:
    house = Parliament()
    reach(house, 2)
    for index in range(3):
        house.bench.ask(f"{index}/chain", questions.PauseProduction(reason="looking"))
    house.run(3.0)
    head = house.status(0)
    later = offered(house, 0, head.slot + 1, head.height)
    assert verdict(house, 1, later, 2) == Objection.BEHIND.value


def test_an_approval_that_does_not_verify_counts_for_nothing_and_is_told_of() -> None:
    """Nobody is blamed: whoever passed it on had not judged it, and anybody can write another's number on it."""
    house = Parliament()
    reach(house, 1)
    head = house.status(0)
    forged = messages.BlockApproved(
        root=b"\x13" * 32, authority_index=2, signature=b"forged!!", origin="1"
    )
    house.bench.tell("0/chain", forged)
    assert house.deeds == []
    assert house.status(0).refusals[-1][:2] == ((b"\x13" * 32).hex(), "2")
    assert house.status(0).height >= head.height


def test_bytes_that_are_no_block_are_the_peers_own_doing() -> None:
    house = Parliament()
    house.bench.tell("0/chain", messages.BlockProposed(block=b"junk", origin="2"))
    assert [(one.peer, one.deed) for one in house.deeds] == [("2", "invalid_block")]


def test_a_block_of_somebody_elses_slot_is_refused_and_the_author_whose_slot_it_is_is_not_blamed() -> (
    None
):
    """Anybody can say that a slot is somebody else's."""
    house = Parliament()
    reach(house, 2)
    head = house.status(0)
    stolen = offered(house, 0, head.slot, head.height)
    wrong = (slots.author_index(head.slot, 3) + 1) % 3
    signer = SCHEME.signer(house.secrets[wrong])
    approval = approvals.approve(signer, wrong, blocks.root(stolen.block))
    stolen = msgspec.structs.replace(stolen, approvals=approvals.merge(None, approval, SCHEME))
    assert verdict(house, 0, stolen, 1) == "out-of-turn"
    assert house.deeds == []


def test_a_candidate_is_stored_before_its_approval_leaves_and_is_imported_after_a_crash() -> None:
    """Approvals of the others reach a node that has begun again: it has the block still."""
    house = Parliament(4)
    reach(house, 1)
    pairs = [(one, other) for one in range(4) for other in range(4)]
    house.dropped = {(*pair, kind) for pair in pairs for kind in ("Approval", "SealedBlock")}
    house.run(2.5)
    height = house.status(0).height
    heard: list[Message] = []
    house.kill(0)
    house.start(0)
    house.run(0.3)
    waiting = [key for key in house.disks[0].pairs if key.startswith(b"record/candidates/")]
    assert waiting, "it is on the disk"
    root = bytes.fromhex(waiting[-1].rsplit(b"/", 1)[1].decode())
    for index in range(1, 4):
        approval = approvals.approve(SCHEME.signer(house.secrets[index]), index, root)
        told = messages.BlockApproved(
            root=root, authority_index=index, signature=approval.signature, origin=str(index)
        )
        house.bench.tell("0/chain", told)
    house.run(0.3)
    assert house.status(0).height == height + 1
    assert house.status(0).head_root == root
    assert heard == []
