"""Small builders for tests of the Bitcoin node: a clock, keys, payments, blocks that may lie."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from alys.models.bitcoin import mining
from alys.models.bitcoin.node import BitcoinNode
from alys.models.bitcoin.state import NodeState
from alys.wire import bitcoin
from alys.wire.bitcoin import Block, OutPoint, Tx, TxIn, TxOut
from alys.wire.jsonrpc import RpcError

START = 1_767_225_600
SECRET = (11).to_bytes(32, "big")
SCRIPT = bitcoin.p2wpkh_script(bitcoin.pubkey_of(SECRET))
ADDRESS = bitcoin.script_to_address(SCRIPT) or ""
PAYEE_SECRET = (12).to_bytes(32, "big")
PAYEE = bitcoin.p2wpkh_script(bitcoin.pubkey_of(PAYEE_SECRET))
PAYEE_ADDRESS = bitcoin.script_to_address(PAYEE) or ""
COIN = 100_000_000
FEE = 1_000
FINAL = 0xFFFFFFFF


class Clock:
    """Stands still until it is moved."""

    def __init__(self, seconds: float = START) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


def make_node(blocks: int = 0, clock: Clock | None = None) -> BitcoinNode:
    """A node whose first blocks paid SCRIPT."""
    node = BitcoinNode(clock or Clock(), genesis_time=START)
    mine(node, blocks)
    return node


def funded_node(mature: int = 1, clock: Clock | None = None) -> BitcoinNode:
    """A node on which this many coinbases of SCRIPT, from height 1, can be spent in the next block."""
    return make_node(99 + mature, clock)


def mine(node: BitcoinNode, blocks: int = 1, address: str = ADDRESS) -> list[str]:
    hashes: list[str] = node.handle("generatetoaddress", [blocks, address])
    return hashes


def coinbase_at(node: NodeState, height: int) -> Tx:
    return node.chain.active[height].block.txs[0]


def place_of(tx: Tx, vout: int = 0) -> OutPoint:
    return OutPoint(txid=tx.txid, vout=vout)


def payment(
    spent: Tx,
    *,
    vout: int = 0,
    fee: int = FEE,
    sequence: int = FINAL,
    secret: bytes = SECRET,
    to: bytes = PAYEE,
    **changes: Any,
) -> Tx:
    """One output of a transaction, paid on whole but for the fee, and signed."""
    value = spent.outputs[vout].value
    tx = Tx(
        inputs=(TxIn(outpoint=place_of(spent, vout), sequence=sequence),),
        outputs=(TxOut(value=value - fee, script=to),),
    )
    return bitcoin.sign_p2wpkh_input(msgspec.structs.replace(tx, **changes), 0, secret, value)


def send(node: BitcoinNode, tx: Tx) -> str:
    txid: str = node.handle("sendrawtransaction", [tx.serialize().hex()])
    return txid


def refusal(node: BitcoinNode, method: str, *params: Any) -> tuple[int, str]:
    """Code and message of a call that must fail."""
    with pytest.raises(RpcError) as refused:
        node.handle(method, list(params))
    return refused.value.code, refused.value.message


def block_on_tip(node: NodeState, txs: Sequence[Tx] = (), fees: int = 0) -> Block:
    """The next block, mined and good."""
    return mining.mined(mining.make_block(node.chain, txs, fees, SCRIPT, node.now()))


def with_header(block: Block, **changes: Any) -> Block:
    """The block with another header, mined again."""
    return mining.mined(
        Block(header=msgspec.structs.replace(block.header, **changes), txs=block.txs)
    )


def with_txs(block: Block, *txs: Tx) -> Block:
    """The block with other transactions, its merkle root true and mined again; the witness commitment is left alone."""
    root = bitcoin.merkle_root([tx.txid for tx in txs])
    header = msgspec.structs.replace(block.header, merkle_root=root)
    return mining.mined(Block(header=header, txs=txs))


def with_coinbase(block: Block, **changes: Any) -> Block:
    return with_txs(block, msgspec.structs.replace(block.txs[0], **changes), *block.txs[1:])


def with_coinbase_input(block: Block, **changes: Any) -> Block:
    txin = msgspec.structs.replace(block.txs[0].inputs[0], **changes)
    return with_coinbase(block, inputs=(txin,))


def fork(node: NodeState, height: int, length: int) -> list[Block]:
    """Blocks that stand on the best chain's block of a height, beside those on it; nobody has seen them."""
    chain_time = node.chain.active[height].block.header.time
    other = BitcoinNode(lambda: chain_time + 1, genesis_time=START)
    for entry in node.chain.active[1 : height + 1]:
        other.chain.accept(entry.block)
    blocks = []
    for _ in range(length):
        made = mining.make_block(other.chain, (), 0, PAYEE, chain_time + 1)
        blocks.append(mining.mined(made))
        other.chain.accept(blocks[-1])
    return blocks
