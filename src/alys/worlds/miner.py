"""A merged miner: takes the node's work, puts it into a Bitcoin coinbase, finds the nonce, hands the proof in.

For the proof alone a header that meets our target is enough, so the Bitcoin node does not get the block.
"""

from typing import Any

from alys.base.errors import AlysBug
from alys.wire import auxpow, bitcoin, bitcoin_template, ethereum
from alys.wire.auxpow import AuxPow, Commitment
from alys.wire.jsonrpc import RpcError
from alys.worlds.protocol import BitcoinSide, NodeSide

REWARD_ADDRESS = bytes.fromhex("a11ce0" + "00" * 16 + "01")
"""Whom the node pays four fifths of the fees for the proof."""

NO_WORK = -32000
SYNCING = -32606
BAD_WORK = -32602
ANYONE = b"\x51"
"""Script of the coins that nobody will ever spend, as the block is handed to no Bitcoin node."""


class MergedMiner:
    """Mines on request. ``proofs`` counts what the node accepted."""

    def __init__(self, node: NodeSide, parent: BitcoinSide) -> None:
        self._node = node
        self._parent = parent
        self.proofs = 0

    async def mine(self) -> bool:
        """One proof for all blocks that wait for finality; False when there is no work (yet). Raises RpcError."""
        recipient = ethereum.to_data(REWARD_ADDRESS)
        try:
            work: Any = await self._node.call("createauxblock", recipient)
        except RpcError as error:
            if error.code in (NO_WORK, SYNCING):
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
    commitment = Commitment(root=aux_hash, merkle_size=1, nonce=0)
    coinbase = bitcoin_template.coinbase(template, commitment, ANYONE, 0)
    header = bitcoin_template.header_over(template, coinbase)
    target = min(bitcoin.target_of(bits), bitcoin.target_of(header.bits))
    found = bitcoin_template.ground(header, target)
    if found is None:
        raise AlysBug(f"no nonce meets the target of {bits:08x}: worlds mine on easy ones")
    return bitcoin_template.proof(template, coinbase, found)
