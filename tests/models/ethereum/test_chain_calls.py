"""What the reading calls show beyond what the node's own tests ask, and what the sending call refuses."""

from typing import Any

import pytest

from alys.models.ethereum.genesis import GenesisAccount, dev_genesis
from alys.models.ethereum.node import EthereumNode
from alys.wire import ethereum
from alys.wire.ethereum import BRIDGE_ADDRESS, to_data
from alys.wire.jsonrpc import RpcError
from tests.models.ethereum.asking import refused
from tests.models.ethereum.builders import (
    ETHER,
    PAYEE,
    START,
    USER,
    built,
    forkchoice,
    head_of,
    imported,
    legacy,
    make_node,
    mined,
    send,
    signed,
)

LOGS_TWICE = bytes.fromhex("60055f5fa160065f5fa1")
"""Initcode: log1(nothing, 5), log1(nothing, 6)."""


def code_of(node: EthereumNode, method: str, *params: Any) -> tuple[int, str]:
    with pytest.raises(RpcError) as refused:
        node.handle(method, list(params))
    return refused.value.code, refused.value.message


def test_history_is_read_at_the_block_that_is_asked_for() -> None:
    node = make_node()
    send(node, signed())
    first = mined(node)
    send(node, signed(nonce=1))
    mined(node)

    def at(tag: object) -> tuple[Any, Any]:
        return (
            node.handle("eth_getBalance", [to_data(PAYEE), tag]),
            node.handle("eth_getTransactionCount", [to_data(USER), tag]),
        )

    assert at("earliest") == ("0x0", "0x0")
    assert at("0x1") == at({"blockHash": first["blockHash"]}) == (hex(ETHER), "0x1")
    assert at("latest") == (hex(2 * ETHER), "0x2")


def test_storage_and_code_are_read_and_dumped() -> None:
    contract = GenesisAccount(
        address=b"\xcc" * 20, balance=3, nonce=1, code=b"\x5f", storage={bytes(31) + b"\x02": 258}
    )
    genesis = dev_genesis(START)
    node = EthereumNode(
        type(genesis)(timestamp=START, accounts=(*genesis.accounts, contract)), lambda: START
    )
    address = to_data(contract.address)
    word = "0x" + f"{258:064x}"
    assert node.handle("eth_getStorageAt", [address, "0x2"]) == word
    assert node.handle("eth_getStorageAt", [address, "0x" + f"{2:064x}", "latest"]) == word
    assert node.handle("eth_getStorageAt", [address, "0x0", "latest"]) == "0x" + "00" * 32
    assert node.handle("eth_getCode", [address, "latest"]) == "0x5f"
    dump = node.handle("debug_dumpBlock", ["latest"])
    assert "0x" + dump["root"] == head_of(node)["stateRoot"]
    shown = dump["accounts"][address]
    assert (shown["balance"], shown["nonce"], shown["code"]) == ("3", 1, "0x5f")
    assert shown["storage"] == {"0x" + f"{2:064x}": "102"}
    assert shown["codeHash"] == to_data(ethereum.keccak256(b"\x5f"))
    assert set(dump["accounts"]) == {address, to_data(BRIDGE_ADDRESS)}


def test_transactions_are_counted_and_found_by_their_place() -> None:
    node = make_node()
    hashes = [send(node, signed(nonce=nonce)) for nonce in range(2)]
    block = mined(node)
    assert node.handle("eth_getBlockTransactionCountByNumber", ["latest"]) == "0x2"
    assert node.handle("eth_getBlockTransactionCountByHash", [block["blockHash"]]) == "0x2"
    assert node.handle("eth_getBlockTransactionCountByNumber", ["0x9"]) is None
    for index, tx_hash in enumerate(hashes):
        whole = node.handle("eth_getTransactionByHash", [tx_hash])
        by_number = node.handle("eth_getTransactionByBlockNumberAndIndex", ["0x1", hex(index)])
        by_hash = node.handle(
            "eth_getTransactionByBlockHashAndIndex", [block["blockHash"], hex(index)]
        )
        assert whole == by_number == by_hash
        assert whole["transactionIndex"] == hex(index)
    assert node.handle("eth_getTransactionByBlockNumberAndIndex", ["0x1", "0x2"]) is None


def test_what_is_not_there_is_null_and_no_error() -> None:
    node, nowhere = make_node(), "0x" + "ee" * 32
    for method, params in (
        ("eth_getBlockByHash", [nowhere, False]),
        ("eth_getBlockByNumber", ["0x7", False]),
        ("eth_getBlockReceipts", [nowhere]),
        ("eth_getTransactionByHash", [nowhere]),
        ("eth_getTransactionReceipt", [nowhere]),
        ("eth_getBlockTransactionCountByHash", [nowhere]),
    ):
        assert node.handle(method, params) is None, method
    assert code_of(node, "eth_getBalance", to_data(USER), "0x7") == (-32000, "header not found")


def test_receipts_of_a_side_branch_are_found_by_its_hash() -> None:
    """The engine actor asks for them before the block is the head."""
    node = make_node()
    tx = send(node, signed())
    side = built(node)
    assert imported(node, side)["status"] == "VALID"
    (receipt,) = node.handle("eth_getBlockReceipts", [side["blockHash"]])
    assert (receipt["transactionHash"], receipt["blockHash"]) == (tx, side["blockHash"])
    assert node.handle("eth_getTransactionReceipt", [tx]) is None
    assert node.handle("eth_getBlockReceipts", ["latest"]) == []


def test_logs_are_counted_through_the_block() -> None:
    node = make_node()
    for nonce in range(2):
        send(node, signed(nonce=nonce, to=None, value=0, data=LOGS_TWICE, gas=100_000))
    mined(node)
    logs = node.handle("eth_getLogs", [{}])
    assert [(log["transactionIndex"], log["logIndex"]) for log in logs] == [
        ("0x0", "0x0"),
        ("0x0", "0x1"),
        ("0x1", "0x2"),
        ("0x1", "0x3"),
    ]
    six = "0x" + f"{6:064x}"
    (one, other) = node.handle("eth_getLogs", [{"fromBlock": "earliest", "topics": [[six]]}])
    assert [one["logIndex"], other["logIndex"]] == ["0x1", "0x3"]
    assert node.handle("eth_getLogs", [{"topics": [six, None]}]) == []


def test_a_log_range_may_end_above_the_head_but_not_before_it_begins() -> None:
    node = make_node()
    mined(node)
    assert node.handle("eth_getLogs", [{"fromBlock": "0x1", "toBlock": "0x99"}]) == []
    assert node.handle("eth_getLogs", [{"fromBlock": "0x98", "toBlock": "0x99"}]) == []
    backwards = {"fromBlock": "0x1", "toBlock": "0x0"}
    assert code_of(node, "eth_getLogs", backwards) == (-32602, "invalid block range params")
    nowhere = {"blockHash": "0x" + "ee" * 32}
    assert code_of(node, "eth_getLogs", nowhere) == (-32000, "unknown block")
    assert code_of(node, "eth_getLogs", {**nowhere, "toBlock": "0x0"})[0] == -32602


def test_a_log_of_a_branch_that_lost_is_gone_from_ranges() -> None:
    node = make_node()
    send(node, signed(to=None, value=0, data=LOGS_TWICE, gas=100_000))
    mined(node)
    assert len(node.handle("eth_getLogs", [{"fromBlock": "0x0"}])) == 2
    other = built(make_node(), seconds=4)
    imported(node, other)
    forkchoice(node, other["blockHash"])
    assert node.handle("eth_getLogs", [{"fromBlock": "0x0"}]) == []


@pytest.mark.parametrize(
    ("raw", "code", "words"),
    [
        (b"", -32000, "empty"),
        (b"\x02\xc0", -32000, "encoding"),
        (signed(chain_id=1), -32000, "invalid chain id for signer: have 1 want 121212"),
        (bytes(131_073), -32000, "oversized data: transaction size 131073, limit 131072"),
        (legacy(protected=False), -32000, "only replay-protected (EIP-155) transactions"),
        (signed(value=10 * ETHER), -32000, "insufficient funds for gas * price + value"),
    ],
)
def test_a_transaction_that_no_block_may_hold_is_refused(raw: bytes, code: int, words: str) -> None:
    node = make_node()
    told = code_of(node, "eth_sendRawTransaction", to_data(raw))
    assert (told[0], words in told[1]) == (code, True), told
    assert len(node.client.pool) == 0


def test_a_legacy_transaction_is_taken_mined_and_shown_as_one() -> None:
    node = make_node()
    tx = send(node, legacy(protected=True))
    waiting = node.handle("eth_getTransactionByHash", [tx])
    assert (waiting["type"], waiting["blockNumber"], waiting["gasPrice"]) == (
        "0x0",
        None,
        hex(3 * 10**9),
    )
    assert waiting["chainId"] == hex(121212), "EIP-155 is of one chain"
    mined(node)
    receipt = node.handle("eth_getTransactionReceipt", [tx])
    assert (receipt["type"], receipt["status"]) == ("0x0", "0x1")
    assert receipt["effectiveGasPrice"] == hex(3 * 10**9)


def test_the_network_calls_name_the_chain() -> None:
    node = make_node()
    assert node.handle("eth_chainId", []) == hex(121212)
    assert node.handle("net_version", []) == "121212"
    assert node.handle("eth_syncing", []) is False
    assert node.handle("eth_accounts", []) == []
    assert node.handle("web3_sha3", ["0x"]) == to_data(ethereum.keccak256(b""))
    assert isinstance(node.handle("web3_clientVersion", []), str)


def test_a_header_is_a_block_without_its_body() -> None:
    node = make_node()
    mined(node)
    block = head_of(node)
    for method, named in (("Number", "latest"), ("Hash", block["hash"])):
        header = node.handle(f"eth_getHeaderBy{method}", [named])
        assert header == {name: block[name] for name in header}
        assert len(header) == len(block) - 4
    assert node.handle("eth_getHeaderByNumber", ["0x9"]) is None
    assert node.handle("eth_getHeaderByHash", ["0x" + "00" * 32]) is None


def test_a_transaction_is_found_by_its_place_and_nothing_beside_it() -> None:
    node = make_node()
    tx = send(node, signed())
    mined(node)
    head = head_of(node)["hash"]
    by_hash, by_number = (f"eth_getTransactionByBlock{one}AndIndex" for one in ("Hash", "Number"))
    assert node.handle(by_hash, [head, "0x0"])["hash"] == tx
    assert node.handle(by_number, ["latest", "0x0"])["hash"] == tx
    assert node.handle(by_number, ["latest", "0x1"]) is None
    assert refused(node.handle, by_hash, ["0x1", "0x0"]).code == -32602
    assert refused(node.handle, by_number, [head, "0x0"]).code == -32602
