"""A merged miner: takes the node's work, puts it into a Bitcoin coinbase, finds the nonce, hands the proof in.

The Bitcoin block is real and goes to the Bitcoin node too when asked for; for the proof alone a header that meets our target
is enough.
"""

import hashlib
from typing import Any

import msgspec

from alys.wire import auxpow, bitcoin, ethereum
from alys.wire.auxpow import AuxPow, Commitment, MerkleBranch
from alys.wire.jsonrpc import RpcError
from alys.worlds.protocol import BitcoinSide, NodeSide

REWARD_ADDRESS = bytes.fromhex("a11ce0" + "00" * 16 + "01")
"""Whom the node pays four fifths of the fees for the proof."""

NO_WORK = -32000
BAD_WORK = -32602
HEADER_VERSION = 0x20000000
"""Its chain id (the upper half) is not ours, as merged mining demands of a parent."""


class MergedMiner:
    """Mines on request. ``proofs`` counts what the node accepted."""

    def __init__(self, node: NodeSide, parent: BitcoinSide) -> None:
        self._node = node
        self._parent = parent
        self.proofs = 0

    async def mine(self) -> bool:
        """One proof for all blocks that wait for finality; False when there is no work. Raises RpcError."""
        recipient = ethereum.to_data(REWARD_ADDRESS)
        try:
            work: Any = await self._node.call("createauxblock", recipient)
        except RpcError as error:
            if error.code == NO_WORK:
                return False
            raise
        template: Any = await self._parent.call("getblocktemplate", {"rules": ["segwit"]})
        proof = prove(bytes.fromhex(work["hash"]), int(work["bits"], 16), template)
        try:
            await self._node.call("submitauxblock", work["hash"], auxpow.encode(proof).hex())
        except RpcError as error:
            if error.code == BAD_WORK:
                return False  # the node has moved on and no longer holds this work open
            raise
        self.proofs += 1
        return True


def prove(aux_hash: bytes, bits: int, template: dict[str, Any]) -> AuxPow:
    """The proof of work for a range, over a block that a Bitcoin template describes."""
    coinbase = _coinbase(aux_hash, template)
    txids = [coinbase.txid, *(entry["txid"] for entry in template["transactions"])]
    header = bitcoin.Header(
        version=HEADER_VERSION,
        previous=template["previousblockhash"],
        merkle_root=bitcoin.merkle_root(txids),
        time=template["curtime"],
        bits=int(template["bits"], 16),
        nonce=0,
    )
    found = _ground(header, min(bitcoin.target_of(bits), bitcoin.target_of(header.bits)))
    return AuxPow(
        coinbase=coinbase,
        block_hash=found.hash,
        coinbase_branch=MerkleBranch(hashes=tuple(bitcoin.merkle_branch(txids, 0))),
        blockchain_branch=MerkleBranch(),
        parent=found,
    )


def _coinbase(aux_hash: bytes, template: dict[str, Any]) -> bitcoin.Tx:
    height: int = template["height"]
    script_sig = bitcoin.push(height.to_bytes((height.bit_length() + 8) // 8, "little"))
    commitment = Commitment(root=aux_hash, merkle_size=1, nonce=0)
    place = bitcoin.OutPoint(txid=bitcoin.NULL_HASH, vout=bitcoin.NULL_VOUT)
    return bitcoin.Tx(
        inputs=(bitcoin.TxIn(outpoint=place, script_sig=script_sig, witness=(bytes(32),)),),
        outputs=(
            bitcoin.TxOut(value=template["coinbasevalue"], script=b"\x51"),
            bitcoin.TxOut(value=0, script=bytes.fromhex(template["default_witness_commitment"])),
            bitcoin.TxOut(value=0, script=commitment.script()),
        ),
    )


def _ground(header: bitcoin.Header, target: int) -> bitcoin.Header:
    start = header.serialize()[:76]
    nonce = 0
    while True:
        data = start + nonce.to_bytes(4, "little")
        digest = hashlib.sha256(hashlib.sha256(data).digest()).digest()
        if int.from_bytes(digest, "little") <= target:
            return msgspec.structs.replace(header, nonce=nonce)
        nonce += 1
