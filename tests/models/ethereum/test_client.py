"""The Engine API's promises: the fork tree, what a refusal leaves behind, what a forkchoice may do."""

from typing import Any

import pytest

from alys.models.ethereum import execution
from alys.models.ethereum.client import WAITING_MAX
from alys.models.ethereum.forks import Fork, Schedule
from alys.models.ethereum.genesis import Genesis
from alys.models.ethereum.node import EthereumNode
from alys.models.ethereum.run import InvalidPayload, Run
from alys.models.ethereum.transactions import decode
from alys.wire.ethereum import keccak256, to_data
from alys.wire.jsonrpc import RpcError
from tests.models.ethereum.builders import (
    ETHER,
    PAYEE,
    START,
    USER,
    ZERO,
    attributes,
    attributes_of,
    blob,
    built,
    forkchoice,
    genesis_of,
    head_of,
    imported,
    make_node,
    mined,
    rehashed,
    send,
    signed,
    withdrawal,
)


def balance(node: Any, address: bytes, tag: str = "latest") -> int:
    return int(node.handle("eth_getBalance", [to_data(address), tag]), 16)


def test_two_clients_with_one_genesis_agree_on_every_block() -> None:
    first, second = make_node(), make_node()
    assert head_of(first)["hash"] == head_of(second)["hash"]
    send(first, signed())
    payload = mined(first, withdrawal(PAYEE, 5))
    assert imported(second, payload)["status"] == "VALID"
    forkchoice(second, payload["blockHash"])
    assert first.handle("debug_dumpBlock", []) == second.handle("debug_dumpBlock", [])


def test_a_withdrawal_credits_gwei_and_nothing_is_taken_for_it() -> None:
    node = make_node()
    mined(node, withdrawal(PAYEE, 7), withdrawal(b"\x43" * 20, 1))
    assert (balance(node, PAYEE), balance(node, b"\x43" * 20)) == (7 * 10**9, 10**9)
    assert balance(node, USER) == 10 * ETHER


def test_a_payload_whose_hash_is_not_its_own_is_refused_even_if_that_hash_is_known() -> None:
    node = make_node()
    honest = mined(node)
    forged = {**honest, "gasLimit": hex(int(honest["gasLimit"], 16) - 1)}
    answer = imported(node, forged)
    assert (answer["status"], answer["latestValidHash"]) == ("INVALID", None)
    assert "blockhash mismatch" in answer["validationError"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"stateRoot": "0x" + "11" * 32}, "stateRoot"),
        ({"receiptsRoot": "0x" + "11" * 32}, "receiptsRoot"),
        ({"gasUsed": "0x1"}, "gasUsed"),
        ({"logsBloom": "0x" + "11" * 256}, "logsBloom"),
        ({"timestamp": hex(START)}, "timestamp"),
        ({"baseFeePerGas": "0x1"}, "baseFeePerGas"),
        ({"blockNumber": "0x5"}, "number"),
    ],
)
def test_a_payload_that_lies_is_invalid_with_its_last_valid_ancestor(
    changes: dict[str, str], why: str
) -> None:
    node = make_node()
    parent = mined(node)
    lie = rehashed(built(node), **changes)
    answer = imported(node, lie)
    assert answer["status"] == "INVALID"
    assert answer["latestValidHash"] == parent["blockHash"]
    assert why in answer["validationError"]


def test_a_refused_payload_leaves_nothing_behind() -> None:
    """Its withdrawals least of all: the specification's own import would leave them."""
    node, untouched = make_node(), make_node()
    lie = rehashed(built(node, withdrawal(PAYEE, 7)), stateRoot="0x" + "11" * 32)
    assert imported(node, lie)["status"] == "INVALID"
    assert balance(node, PAYEE) == 0
    assert mined(node)["stateRoot"] == mined(untouched)["stateRoot"]
    with_it = mined(node, withdrawal(PAYEE, 7))
    assert with_it["stateRoot"] == mined(untouched, withdrawal(PAYEE, 7))["stateRoot"]


def test_what_stands_on_a_refused_block_is_refused_too() -> None:
    node = make_node()
    genesis = head_of(node)["hash"]
    lie = rehashed(built(node), stateRoot="0x" + "11" * 32)
    imported(node, lie)
    other = make_node()
    mined(other)
    child = rehashed(mined(other), parentHash=lie["blockHash"])
    answer = imported(node, child)
    assert (answer["status"], answer["latestValidHash"]) == ("INVALID", genesis)
    again = imported(node, lie)
    assert (again["status"], again["latestValidHash"]) == ("INVALID", genesis)
    assert forkchoice(node, lie["blockHash"])["payloadStatus"]["status"] == "INVALID"


def test_an_unknown_parent_is_syncing_and_no_judgement() -> None:
    node, other = make_node(), make_node()
    mined(other)
    assert imported(node, mined(other))["status"] == "SYNCING"
    assert forkchoice(node, "0x" + "ab" * 32)["payloadStatus"]["status"] == "SYNCING"
    assert forkchoice(node, ZERO)["payloadStatus"]["status"] == "INVALID"


def test_each_branch_has_a_state_of_its_own_and_the_pool_gets_back_what_a_branch_loses() -> None:
    node = make_node()
    genesis = head_of(node)["hash"]
    tx = send(node, signed())
    left = mined(node)
    assert balance(node, PAYEE) == ETHER
    other = make_node()
    right = built(other, withdrawal(PAYEE, 3), seconds=4)
    assert right["parentHash"] == genesis
    assert imported(node, right)["status"] == "VALID"
    assert balance(node, PAYEE) == ETHER  # importing moves no head
    forkchoice(node, right["blockHash"])
    assert balance(node, PAYEE) == 3 * 10**9
    assert node.handle("eth_getTransactionReceipt", [tx]) is None
    assert node.handle("eth_getTransactionByHash", [tx])["blockHash"] is None  # it waits again
    forkchoice(node, left["blockHash"])
    assert balance(node, PAYEE) == ETHER
    assert node.handle("eth_getTransactionReceipt", [tx])["status"] == "0x1"


def test_a_forkchoice_to_a_canonical_ancestor_moves_and_builds_nothing() -> None:
    node = make_node()
    first = mined(node)
    second = mined(node)
    wanted = attributes(int(second["timestamp"], 16) + 2)
    answer = forkchoice(node, first["blockHash"], wanted)
    assert answer["payloadStatus"]["status"] == "VALID"
    assert answer["payloadId"] is None
    assert head_of(node)["hash"] == second["blockHash"]


def test_an_ancestor_that_is_none_is_38002_and_moves_nothing() -> None:
    node = make_node()
    first = mined(node)
    stranger = "0x" + "cd" * 32
    for wrong in ({"safe": stranger}, {"finalized": stranger}):
        with pytest.raises(RpcError) as refused:
            forkchoice(node, built(node)["parentHash"], **wrong)  # type: ignore[arg-type]
        assert refused.value.code == -38002
    assert head_of(node)["hash"] == first["blockHash"]


def test_attributes_that_go_back_in_time_are_38003_but_the_head_has_moved() -> None:
    node = make_node()
    payload = built(node)
    imported(node, payload)
    with pytest.raises(RpcError) as refused:
        forkchoice(node, payload["blockHash"], attributes(int(payload["timestamp"], 16)))
    assert refused.value.code == -38003
    assert head_of(node)["hash"] == payload["blockHash"]


def test_asking_twice_gives_one_payload_and_something_else_another() -> None:
    node = make_node()
    head = head_of(node)["hash"]
    ids = [forkchoice(node, head, attributes(START + n))["payloadId"] for n in (2, 2, 3)]
    assert ids[0] == ids[1] != ids[2]
    call = node.handle_engine
    assert call("engine_getPayloadV2", [ids[0]]) == call("engine_getPayloadV2", [ids[0]])
    with pytest.raises(RpcError) as unknown:
        call("engine_getPayloadV2", ["0x" + "00" * 8])
    assert unknown.value.code == -38001


def test_safe_and_finalized_are_what_the_forkchoice_said() -> None:
    node = make_node()
    first, second = mined(node), mined(node)
    forkchoice(node, second["blockHash"], safe=first["blockHash"], finalized=first["blockHash"])
    assert node.handle("eth_getBlockByNumber", ["finalized", False])["number"] == "0x1"
    assert node.handle("eth_getBlockByNumber", ["safe", False])["number"] == "0x1"


def test_listeners_hear_of_each_new_head_once() -> None:
    node = make_node()
    heard: list[int] = []
    node.listeners.append(lambda block: heard.append(block.number))
    mined(node)
    payload = mined(node)
    forkchoice(node, payload["blockHash"])
    assert heard == [1, 2]


def test_what_came_before_its_parent_is_judged_when_it_is_to_be_the_head() -> None:
    node, other = make_node(), make_node()
    first, second, third = mined(other), mined(other), mined(other)
    assert imported(node, third)["status"] == "SYNCING"
    assert imported(node, second)["status"] == "SYNCING"
    assert forkchoice(node, third["blockHash"])["payloadStatus"]["status"] == "SYNCING"
    assert head_of(node)["number"] == "0x0"
    assert imported(node, first)["status"] == "VALID"
    answer = forkchoice(node, third["blockHash"])
    assert answer["payloadStatus"]["latestValidHash"] == third["blockHash"]
    assert head_of(node)["number"] == "0x3"


def test_what_waited_for_a_bad_parent_is_invalid_with_the_last_valid_ancestor() -> None:
    node, other = make_node(), make_node()
    genesis = head_of(node)["hash"]
    lie = rehashed(built(node), stateRoot="0x" + "11" * 32)
    mined(other)
    child = rehashed(mined(other), parentHash=lie["blockHash"])
    assert imported(node, child)["status"] == "SYNCING"
    assert imported(node, lie)["status"] == "INVALID"
    status = forkchoice(node, child["blockHash"])["payloadStatus"]
    assert (status["status"], status["latestValidHash"]) == ("INVALID", genesis)
    assert head_of(node)["number"] == "0x0"


def test_only_so_many_wait() -> None:
    node, other = make_node(), make_node()
    mined(other)
    orphan = mined(other)
    for number in range(WAITING_MAX + 5):
        imported(node, rehashed(orphan, prevRandao="0x" + f"{number:064x}"))
    assert len(node.client._waiting) == WAITING_MAX


TRANSITION = Genesis(
    timestamp=START,
    schedule=Schedule(
        by_block=((0, Fork.GRAY_GLACIER),),
        by_time=((0, Fork.SHANGHAI),),
        terminal_total_difficulty=300_000,
    ),
    difficulty=131_072,
)


def test_a_consensus_client_takes_over_at_the_terminal_block_and_not_before() -> None:
    """Paris: 32 zero bytes stand for a last valid block that is made by work."""
    node = EthereumNode(TRANSITION, lambda: START + 1e6)
    genesis = node.tree.genesis
    first = execution.build(genesis, attributes_of(genesis), (), TRANSITION, [])
    node.tree.insert(first)
    node.client.adopt(first)
    assert first.total_difficulty == 262_144 + 64
    early = built(make_node())
    early = rehashed(early, parentHash=to_data(first.hash))
    status = imported(node, early)
    assert (status["status"], status["latestValidHash"]) == ("INVALID", ZERO)
    answer = forkchoice(node, to_data(first.hash), attributes(START + 9))
    assert answer["payloadStatus"]["status"] == "INVALID"
    assert answer["payloadStatus"]["latestValidHash"] == ZERO
    terminal = execution.build(first, attributes_of(first), (), TRANSITION, [])
    node.tree.insert(terminal)
    node.client.adopt(terminal)
    lie = rehashed(built(node), stateRoot="0x" + "11" * 32)
    status = imported(node, lie)
    assert (status["status"], status["latestValidHash"]) == ("INVALID", ZERO)
    assert mined(node)["parentHash"] == to_data(terminal.hash)
    merged = head_of(node)
    assert (merged["difficulty"], merged["nonce"]) == ("0x0", "0x" + "00" * 8)
    assert int(merged["totalDifficulty"], 16) == terminal.total_difficulty


def test_a_chain_that_never_merges_has_no_consensus_client() -> None:
    node = EthereumNode(genesis_of(Fork.BERLIN), lambda: START + 1e6)
    answer = forkchoice(node, head_of(node)["hash"], attributes(START + 9))
    assert answer["payloadStatus"]["status"] == "INVALID"


def test_the_pool_takes_no_blobs_and_says_so() -> None:
    node = EthereumNode(genesis_of(Fork.CANCUN), lambda: START + 1e6)
    with pytest.raises(RpcError, match="blob transactions are not taken") as refused:
        send_data(node, b"\x03" + signed()[1:])
    assert refused.value.code == -32000
    with pytest.raises(RpcError, match="transaction type not supported"):
        send_data(make_node(), b"\x03" + signed()[1:])


def send_data(node: EthereumNode, raw: bytes) -> None:
    node.handle("eth_sendRawTransaction", [to_data(raw)])


BLOBS = (b"\1" + b"\xaa" * 31, b"\1" + b"\xbb" * 31)


def test_blobs_come_in_payloads_and_their_hashes_must_be_those_expected() -> None:
    genesis = genesis_of(Fork.CANCUN)
    node = EthereumNode(genesis, lambda: START + 1e6)
    first = node.tree.genesis
    raw = blob(hashes=BLOBS)
    made = execution.build(
        first, attributes_of(first), [decode(raw, 121212, Fork.CANCUN)], genesis, [first.hash]
    )
    assert int(made.header.blob_gas_used) == 2 * 131_072
    shown = execution.payload_of(made).to_json()
    root = to_data(made.header.parent_beacon_block_root)
    call = node.handle_engine
    for wrong in ((), BLOBS[:1], BLOBS[::-1]):
        hashes = [to_data(one) for one in wrong]
        status = call("engine_newPayloadV3", [shown, hashes, root])
        assert (status["status"], status["latestValidHash"]) == ("INVALID", None)
    hashes = [to_data(one) for one in BLOBS]
    assert call("engine_newPayloadV3", [shown, hashes, root])["status"] == "VALID"
    state = {"headBlockHash": shown["blockHash"], "safeBlockHash": ZERO}
    call("engine_forkchoiceUpdatedV3", [{**state, "finalizedBlockHash": ZERO}])
    receipt = node.handle("eth_getTransactionReceipt", [to_data(keccak256(raw))])
    assert (receipt["type"], receipt["blobGasUsed"], receipt["blobGasPrice"]) == (
        "0x3",
        "0x40000",
        "0x1",
    )


@pytest.mark.parametrize(
    ("hashes", "words"),
    [
        ((), "no blob data"),
        ((b"\2" + bytes(31),), "invalid blob versioned hash"),
        (BLOBS * 4, "blob gas limit"),
    ],
)
def test_blobs_that_may_not_be_are_refused(hashes: tuple[bytes, ...], words: str) -> None:
    genesis = genesis_of(Fork.CANCUN)
    first = execution.genesis_block(genesis)
    tx = decode(blob(hashes=hashes), 121212, Fork.CANCUN)
    assert execution.build(first, attributes_of(first), [tx], genesis, []).transactions == ()
    run = Run(first.header, first, first.rules, 121212, [])
    with pytest.raises(InvalidPayload, match=words):
        run.apply(tx)
