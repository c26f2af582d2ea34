"""The node as a whole: its table of calls, what it says of itself, and a peg's life on Bitcoin."""

from typing import Any

import msgspec
import pytest

from alys.models.bitcoin.chainstate import BlockEvent, EventKind
from alys.models.bitcoin.node import METHODS, BitcoinNode
from alys.wire import bitcoin, jsonrpc
from alys.wire.bitcoin import OutPoint, Tx, TxIn, TxOut
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import ADDRESS, COIN, PAYEE, PAYEE_ADDRESS, Clock, refusal
from tests.wire.test_bitcoin_keys import NUMS, federation_leaf, secret

NEEDED = {
    "estimatesmartfee", "generateblock", "generatetoaddress", "getbestblockhash", "getblock", "getblockchaininfo",
    "getblockcount", "getblockhash", "getblockheader", "getblocktemplate", "getmempoolentry", "getnetworkinfo",
    "getrawmempool", "getrawtransaction", "gettxout", "help", "invalidateblock", "reconsiderblock", "scantxoutset",
    "sendrawtransaction", "stop", "submitblock", "testmempoolaccept", "uptime", "validateaddress",
}  # fmt: skip


def test_the_calls_that_the_network_needs_are_there() -> None:
    assert set(METHODS) >= NEEDED


def test_an_unknown_call_is_error_minus_32601() -> None:
    node = builders.make_node()
    for method in ("createauxblock", "handle", "__init__", ""):
        assert refusal(node, method) == (-32601, "Method not found")


def test_every_answer_is_plain_json() -> None:
    node = builders.funded_node()
    builders.send(node, builders.payment(builders.coinbase_at(node, 1)))
    best = node.chain.tip.hash
    arguments: dict[str, list[Any]] = {
        "getblock": [best, 3],
        "getblockheader": [best],
        "getblocktemplate": [{"rules": ["segwit"]}],
        "scantxoutset": ["start", [f"addr({ADDRESS})"]],
        "getrawtransaction": [builders.coinbase_at(node, 1).txid, 2],
        "getrawmempool": [True],
        "validateaddress": [ADDRESS],
        "gettxout": [builders.coinbase_at(node, 2).txid, 0],
        "getblockhash": [1],
    }
    asked = [*arguments, *(m for m in NEEDED if m.startswith("get") and m not in arguments)]
    for method in set(asked) - {"getmempoolentry"}:
        params = arguments.get(method, [])
        body = jsonrpc.encode_call(method, params, 1)
        answered = jsonrpc.answer(body, node.handle, jsonrpc.Dialect.BITCOIN)[1]
        assert jsonrpc.decode_answer(answered) == node.handle(method, params)


def test_help_lists_all_calls_and_explains_one() -> None:
    node = builders.make_node()
    told = node.handle("help", [])
    assert [line.split()[0] for line in told.splitlines()] == sorted(METHODS)
    assert node.handle("help", ["getblock"]) == 'getblock "blockhash" ( verbosity )'
    assert node.handle("help", ["nope"]) == "help: unknown command: nope"


def test_addresses_are_validated_for_this_network() -> None:
    node = builders.make_node()
    good = node.handle("validateaddress", [ADDRESS])
    assert good["isvalid"] is True
    assert (good["scriptPubKey"], good["iswitness"]) == (builders.SCRIPT.hex(), True)
    assert (good["witness_version"], good["isscript"]) == (0, False)
    assert good["witness_program"] == builders.SCRIPT[2:].hex()
    legacy = node.handle("validateaddress", ["mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r"])
    assert (legacy["isvalid"], legacy["iswitness"]) == (True, False)
    assert "witness_version" not in legacy
    bad = node.handle("validateaddress", ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"])
    assert (bad["isvalid"], bad["error"]) == (
        False,
        "Invalid or unsupported Segwit (Bech32) or Base58 encoding.",
    )


def test_the_node_says_what_it_is() -> None:
    clock = Clock()
    node = builders.make_node(clock=clock)
    clock.seconds += 5
    assert node.handle("uptime", []) == 5
    info = node.handle("getnetworkinfo", [])
    assert (info["version"], info["connections"]) == (290000, node.handle("getconnectioncount", []))
    assert node.handle("ping", []) is None


def test_stop_is_a_request_to_the_owner() -> None:
    node = builders.make_node()
    assert not node.stop_requested
    told = node.handle("stop", [])
    assert (told, node.stop_requested) == ("Bitcoin Core stopping", True)
    assert node.handle("getblockcount", []) == 0


def test_listeners_hear_of_blocks_when_the_mempool_has_let_go_of_what_they_hold() -> None:
    node = builders.funded_node()
    builders.send(node, builders.payment(builders.coinbase_at(node, 1)))
    heard: list[tuple[EventKind, int, int]] = []

    def listen(event: BlockEvent) -> None:
        heard.append((event.kind, event.height, len(node.mempool.waiting)))

    node.listeners.append(listen)
    builders.mine(node)
    node.handle("invalidateblock", [node.chain.tip.hash])
    assert heard == [(EventKind.CONNECTED, 101, 0), (EventKind.DISCONNECTED, 101, 0)]
    assert len(node.mempool.waiting) == 1, "it waits again when the chain stands still"


def test_a_deposit_and_the_federations_payout_are_mined() -> None:
    """Two of three sign; one signature, or the same payout again, is refused by the network itself."""
    node = builders.funded_node()
    leaf = federation_leaf(3, 2)
    key, parity = bitcoin.taproot_output(NUMS, leaf)
    federation = b"\x51\x20" + key
    note = TxOut(value=0, script=b"\x6a\x14" + bytes(20))
    spent = builders.coinbase_at(node, 1)
    locked = TxOut(value=50 * COIN - 1000, script=federation)
    deposit = builders.payment(spent, outputs=(locked, note))
    builders.send(node, deposit)
    builders.mine(node, 6)
    depth = node.handle("getrawtransaction", [deposit.txid, 1])["confirmations"]
    assert depth == 6
    change = TxOut(value=49 * COIN - 2000, script=federation)
    payout = Tx(
        inputs=(TxIn(outpoint=OutPoint(txid=deposit.txid, vout=0), sequence=0xFFFFFFFD),),
        outputs=(TxOut(value=COIN, script=PAYEE), change),
    )
    digest = bitcoin.taproot_script_path_sighash(payout, 0, [locked], leaf)
    signatures = {n: bitcoin.schnorr_sign(secret(n), digest, bytes(32)) for n in (1, 2)}

    def signed(*witness: bytes) -> str:
        stack = (*witness, leaf, bytes((0xC0 | parity,)) + NUMS)
        txin = msgspec.structs.replace(payout.inputs[0], witness=stack)
        return msgspec.structs.replace(payout, inputs=(txin,)).serialize().hex()

    code, message = refusal(node, "sendrawtransaction", signed(b"", b"", signatures[1]))
    assert (code, message.startswith("mempool-script-verify-flag-failed")) == (-26, True)
    good = signed(b"", signatures[2], signatures[1])
    assert node.handle("sendrawtransaction", [good]) == payout.txid
    builders.mine(node)
    found = node.handle("scantxoutset", ["start", [f"addr({PAYEE_ADDRESS})"]])
    assert [coin["txid"] for coin in found["unspents"]] == [payout.txid]
    assert refusal(node, "sendrawtransaction", good)[0] == -27


def test_the_same_calls_at_the_same_times_give_the_same_chain() -> None:
    def story() -> str:
        clock = Clock()
        node = builders.funded_node(2, clock)
        for height in (1, 2):
            clock.seconds += 30
            builders.send(node, builders.payment(builders.coinbase_at(node, height)))
            builders.mine(node)
            node.handle("invalidateblock", [node.chain.tip.hash])
        builders.mine(node, 2)
        return str(node.handle("getbestblockhash", []))

    assert story() == story()


def test_a_thousand_blocks_are_mined_without_looking_at_all_earlier_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = BitcoinNode(Clock(), genesis_time=builders.START)
    looked = 0
    real = type(node.chain).choose

    def counted(chain: object) -> None:
        nonlocal looked
        looked += 1
        real(node.chain)

    monkeypatch.setattr(type(node.chain), "choose", counted)
    builders.mine(node, 1000)
    assert node.chain.tip.height == 1000
    assert looked == 0
