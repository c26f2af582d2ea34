"""A reorganisation on command: the client moves to a longer branch of its own, and can be brought back."""

from dataclasses import replace as replaced
from typing import Any

import msgspec
import pytest
from ethereum_types.numeric import Uint

from alys.base.faults import BadFault, Reorg
from alys.models.ethereum.forks import Fork, Schedule
from alys.models.ethereum.genesis import dev_genesis
from alys.models.ethereum.node import EthereumNode
from tests.models.ethereum import builders
from tests.models.ethereum.builders import PAYEE, ZERO, mined


def chain_of(node: EthereumNode) -> list[bytes]:
    return [block.hash for block in node.tree.canonical]


def grown(blocks: int) -> tuple[EthereumNode, list[dict[str, Any]]]:
    node = builders.make_node()
    return node, [mined(node) for _ in range(blocks)]


@pytest.mark.parametrize("depth", [1, 3])
def test_the_last_blocks_are_replaced_by_one_more_and_listeners_hear_of_it(depth: int) -> None:
    node, _ = grown(3)
    before, heard = chain_of(node), list[int]()
    node.listeners.append(lambda head: heard.append(head.number))
    node.misbehaviour.add(Reorg(depth=depth))
    after = chain_of(node)
    assert len(after) == 5
    assert after[: 4 - depth] == before[: 4 - depth]
    assert not set(after[4 - depth :]) & set(before)
    assert heard == [4]
    assert [one.touched for one in node.misbehaviour.view()] == [depth]


def test_equal_clients_reorganise_equally() -> None:
    first, second = grown(3)[0], grown(3)[0]
    for node in (first, second):
        node.misbehaviour.add(Reorg(depth=2))
    assert chain_of(first) == chain_of(second)


def test_transactions_of_the_old_branch_wait_and_credits_are_gone_until_its_client_goes_back() -> (
    None
):
    node, _ = grown(1)
    builders.send(node, builders.signed())
    credited = b"\x77" * 20
    payload = mined(node, builders.withdrawal(credited, 5))
    assert node.handle("eth_getTransactionCount", ["0x" + builders.USER.hex(), "latest"]) == "0x1"
    node.misbehaviour.add(Reorg(depth=1))
    balance = ["0x" + credited.hex(), "latest"]
    assert node.handle("eth_getBalance", balance) == "0x0"
    assert node.handle("eth_getBalance", ["0x" + PAYEE.hex(), "latest"]) == "0x0"
    assert len(list(node.client.pool.in_order(0))) == 1
    assert builders.forkchoice(node, payload["blockHash"])["payloadStatus"]["status"] == "VALID"
    assert node.handle("eth_getBalance", balance) == hex(5 * 10**9)
    assert mined(node)["blockNumber"] == "0x3"


def test_what_is_final_stays_and_its_mark_too() -> None:
    node, payloads = grown(3)
    head, final = payloads[2]["blockHash"], payloads[1]["blockHash"]
    builders.forkchoice(node, head, safe=final, finalized=final)
    before = chain_of(node)
    with pytest.raises(BadFault, match="block 2 is final"):
        node.misbehaviour.add(Reorg(depth=2))
    assert chain_of(node) == before
    node.misbehaviour.add(Reorg(depth=1))
    assert node.tree.finalized is not None
    assert node.tree.finalized is node.tree.safe
    assert "0x" + node.tree.finalized.hash.hex() == final


def test_what_is_too_deep_changes_nothing() -> None:
    node, _ = grown(2)
    with pytest.raises(BadFault, match="2 blocks stand on the genesis block"):
        node.misbehaviour.add(Reorg(depth=3))
    assert len(chain_of(node)) == 3
    assert builders.forkchoice(node, ZERO)["payloadStatus"]["status"] == "INVALID"


@pytest.mark.parametrize("fork", [Fork.PARIS, Fork.SHANGHAI, Fork.CANCUN])
def test_a_node_that_mines_by_itself_reorganises_by_the_rules_of_its_fork(fork: Fork) -> None:
    genesis = msgspec.structs.replace(
        dev_genesis(builders.START),
        schedule=Schedule(by_time=() if fork is Fork.PARIS else ((0, fork),)),
    )
    node = EthereumNode(genesis, lambda: builders.START + 1e6, development=True)
    for _ in range(4):
        node.handle("evm_mine", [])
    node.misbehaviour.add(Reorg(depth=2))
    assert (node.tree.head.number, node.tree.head.rules.fork) == (5, fork)
    node.handle("evm_mine", [])
    assert node.tree.head.number == 6


def test_what_was_made_by_work_stays() -> None:
    node, _ = grown(2)
    worked = msgspec.structs.replace(
        node.tree.head, header=replaced(node.tree.head.header, difficulty=Uint(7))
    )
    node.tree.canonical[-1] = worked
    with pytest.raises(BadFault, match="block 2 was made by work"):
        node.misbehaviour.add(Reorg(depth=1))
