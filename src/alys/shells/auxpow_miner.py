"""A merged miner that users run: work from a node's JSON-RPC, a block of a real Bitcoin node, proofs and blocks handed in.

A round: createauxblock, getblocktemplate, a coinbase that commits to the work, a nonce, then submitblock where the block is one
of Bitcoin's too, and submitauxblock. What is aimed at is the sidechain's target; a header that meets only Bitcoin's is passed over. Without
a Bitcoin node the proof is over a block that no chain has (the internal miner of the field).
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from alys.base.errors import AlysError, Inconclusive
from alys.shells.jsonrpc_client import JsonRpcClient
from alys.wire import auxpow, bitcoin, bitcoin_template
from alys.wire.auxpow import Commitment
from alys.wire.jsonrpc import RpcError

NO_WORK = -32000
SYNCING = -32606
CHUNK = 100_000
"""Nonces that are tried at a stretch, a fraction of a second's work."""

CHUNKS_MAX = 100
"""After so many the work is fetched anew: both chains have moved on."""

NOBODY: Mapping[str, Any] = {
    "version": 0x20000000,
    "previousblockhash": bitcoin.NULL_HASH,
    "transactions": [],
    "coinbasevalue": 0,
    "curtime": 0,
    "bits": "00000000",
    "height": 0,
}
"""The template of a block that no chain has. The upper half of its version is not ours, as is asked of a parent."""

ANYONE = b"\x51"


class NoWork(Inconclusive):
    """All blocks are final already, or a proof of them is queued."""

    def __init__(self, url: str) -> None:
        super().__init__(f"{url} has no work: every block is final, or its proof waits for a block")


class Syncing(Inconclusive):
    """The node is behind the others."""

    def __init__(self, url: str) -> None:
        super().__init__(f"{url} is syncing, and has no work before it knows the head")


class Refused(AlysError):
    """The node did not take the proof; it says why."""


class Mined(msgspec.Struct, frozen=True, kw_only=True):
    """A round that ended in a proof."""

    height: int
    """Of the last block of the sidechain that the proof covers."""
    aux_hash: str
    bits: str
    parent: str
    """Hash of the header that was mined."""
    bitcoin_height: int | None
    """Of the block in Bitcoin's chain; None where it is in none."""
    bitcoin_said: str
    """Why the Bitcoin node did not take the block, empty when it did or was not asked."""

    def line(self) -> str:
        """What happened, in a line."""
        if self.bitcoin_height is not None:
            where = f"Bitcoin block {self.bitcoin_height} {self.parent}"
        elif self.bitcoin_said:
            where = f"header {self.parent}, no block of Bitcoin: {self.bitcoin_said}"
        else:
            where = f"header {self.parent}"
        return f"proof up to height {self.height} at {self.bits}: {where}"


class AuxPowMiner:
    """Mines for one node. ``parent`` is the Bitcoin node, None for the internal miner; ``script`` is who gets its coins."""

    def __init__(
        self,
        node: JsonRpcClient,
        parent: JsonRpcClient | None,
        *,
        fees_to: str,
        script: bytes = ANYONE,
    ) -> None:
        self._node = node
        self._parent = parent
        self._fees_to = fees_to
        self._script = script
        self._extra_nonce = 0

    async def mine(self) -> Mined | None:
        """One round; None when no nonce was found in time. Raises NoWork, Syncing, Refused, PortDown, or RpcError of either node."""
        work = await self._work()
        template = await self._template()
        commitment = Commitment(root=bytes.fromhex(work["hash"]), merkle_size=1, nonce=0)
        self._extra_nonce += 1
        first = bitcoin_template.coinbase(template, commitment, self._script, self._extra_nonce)
        header = bitcoin_template.header_over(template, first)
        found = await self._ground(header, bitcoin.target_of(int(work["bits"], 16)))
        if found is None:
            return None
        height, said = await self._submit_block(template, first, found)
        proof = auxpow.encode(bitcoin_template.proof(template, first, found)).hex()
        try:
            await self._node.call("submitauxblock", work["hash"], proof)
        except RpcError as error:
            raise Refused(f"submitauxblock: {error}") from error
        return Mined(
            height=work["height"],
            aux_hash=work["hash"],
            bits=work["bits"],
            parent=found.hash,
            bitcoin_height=height,
            bitcoin_said=said,
        )

    async def _work(self) -> Any:
        try:
            return await self._node.call("createauxblock", self._fees_to)
        except RpcError as error:
            if error.code == NO_WORK:
                raise NoWork(self._node.url) from error
            if error.code == SYNCING:
                raise Syncing(self._node.url) from error
            raise

    async def _template(self) -> Mapping[str, Any]:
        if self._parent is None:
            return NOBODY
        template: dict[str, Any] = await self._parent.call(
            "getblocktemplate", {"rules": ["segwit"]}
        )
        return template

    async def _ground(self, header: bitcoin.Header, target: int) -> bitcoin.Header | None:
        """In a thread and in stretches, so that the end of the program is not waited for."""
        for chunk in range(CHUNKS_MAX):
            found = await asyncio.to_thread(
                bitcoin_template.ground, header, target, chunk * CHUNK, CHUNK
            )
            if found is not None:
                return found
        return None

    async def _submit_block(
        self, template: Mapping[str, Any], first: bitcoin.Tx, header: bitcoin.Header
    ) -> tuple[int | None, str]:
        """The block's height in Bitcoin's chain, or None and why it is not in it."""
        if self._parent is None:
            return None, ""
        if not bitcoin.meets_target(header.hash, header.bits):
            return None, "too little work"
        block = bitcoin_template.whole_block(template, first, header)
        said = await self._parent.call("submitblock", block.hex())
        return (template["height"], "") if said is None else (None, str(said))


async def keep_mining(
    miner: AuxPowMiner, every: float, over: asyncio.Event, tell: Callable[[str], None]
) -> None:
    """Rounds until ``over``, with so many seconds from one's end to the next one's start. What goes wrong is told once, until it changes."""
    last = ""
    while not over.is_set():
        try:
            mined = await miner.mine()
        except AlysError as error:
            said = str(error)
        else:
            said = "no nonce was found in time; on with new work" if mined is None else mined.line()
        if said != last:
            tell(said)
        last = said
        try:
            await asyncio.wait_for(over.wait(), every)
        except TimeoutError:
            continue
