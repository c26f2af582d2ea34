"""Watches what each node lets out, and looks on its disk for the word of it, at that very moment (``oracles.durability``).

Only where disks are in memory: a file could not be read without being in the way of the node that has it open.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import override

from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.chain import blocks
from alys.chain.forkchoice import Vote
from alys.node import bridge_records, gossip, messages, orders, ports, records, storage
from alys.node.operations import Cursor, PayoutRecord
from alys.oracles.durability import Act, Durability, NotOnDisk
from alys.wire import bitcoin, ethereum
from alys.worlds.disk import Disk

if TYPE_CHECKING:
    from alys.actors.envelope import Envelope

Deposits = Callable[[str], tuple[str, ...]]
"""What pays the federation in the Bitcoin block of a hash, by ``txid:vout``."""

_votes = msgspec.msgpack.Decoder(tuple[Vote, ...])


class DiskWitness(Observer):
    """``disks``: what each node's store is written on, by the name of its tree; it may grow."""

    def __init__(
        self,
        disks: Mapping[str, Disk],
        found: Callable[[NotOnDisk], object] | None = None,
        deposits: Deposits = lambda _: (),
    ) -> None:
        """``found`` is told of what is found first, in the middle of whatever runs; it must not raise."""
        self.judged = Durability(found)
        self._deposits = deposits
        self._disks = disks
        #: Execution hashes of stored blocks, by key: a block is decoded once.
        self._hashes: dict[bytes, bytes] = {}
        self._of: dict[type, Callable[[str, Disk, Any], None]] = {
            messages.Publish: self._published,
            messages.RequestSignatures: self._asked,
            messages.PeginReady: self._ready,
            orders.HaltChanged: self._halted,
            ports.JsonRpcCall: self._called,
            storage.SaveRecords: self._saved,
        }

    @override
    def sent(self, envelope: "Envelope", target: Ref) -> None:
        look = self._of.get(type(envelope.message))
        if look is None or envelope.sender is None:
            return
        node = _tree(envelope.sender)
        disk = self._disks.get(node)
        if disk is not None:
            look(node, disk, envelope.message)

    def _published(self, node: str, disk: Disk, message: messages.Publish) -> None:
        match message.item:
            case gossip.Approval(root=root):
                act = Act.APPROVAL
            case gossip.ProposedBlock(block=block):
                act, root = Act.PROPOSAL, blocks.root(blocks.decode(block).block)
            case _:
                return
        data = _value(disk, records.APPROVAL, bytes)
        votes = () if data is None else _votes.decode(data)
        kept = any(vote.root == root for vote in votes)
        self.judged.feed(act, node, root.hex(), kept=kept)

    def _asked(self, node: str, disk: Disk, message: messages.RequestSignatures) -> None:
        record = _payout(disk, message.txid)
        kept = record is not None and record.attempt >= message.attempt
        self.judged.feed(Act.SIGNING, node, f"{message.operation}/{message.attempt}", kept=kept)

    def _ready(self, node: str, disk: Disk, message: messages.PeginReady) -> None:
        key = records.record_key(bridge_records.PEGIN, message.deposit.outpoint)
        self.judged.feed(Act.OFFER, node, message.deposit.outpoint, kept=key in disk.pairs)

    def _halted(self, node: str, disk: Disk, message: orders.HaltChanged) -> None:
        data = _value(disk, records.record_key(orders.TABLE, orders.HALT), bytes)
        kept = data is not None and msgspec.msgpack.decode(data, type=orders.Halt) == message.halt
        self.judged.feed(Act.HALT, node, str(message.halt.number), kept=kept)

    def _saved(self, node: str, disk: Disk, message: storage.SaveRecords) -> None:
        """How far Bitcoin was read is on its way to the disk: what was found there must be there by now."""
        if message.table != bridge_records.CURSOR:
            return
        for _, data in message.records:
            cursor = msgspec.msgpack.decode(data, type=Cursor)
            for outpoint in self._deposits(cursor.hashes.get(cursor.height, "")):
                key = records.record_key(bridge_records.PEGIN, outpoint)
                self.judged.feed(Act.CURSOR, node, outpoint, kept=key in disk.pairs)

    def _called(self, node: str, disk: Disk, message: ports.JsonRpcCall) -> None:
        if message.method == "sendrawtransaction":
            tx = bitcoin.parse_tx(bytes.fromhex(message.params[0]))
            record = _payout(disk, tx.txid)
            kept = record is not None and record.signed == tx.serialize()
            self.judged.feed(Act.BROADCAST, node, tx.txid, kept=kept)
        elif message.method == "engine_forkchoiceUpdatedV2" and message.params[1] is None:
            head = ethereum.from_data(message.params[0]["headBlockHash"], 32)
            self.judged.feed(Act.HEAD, node, head.hex(), kept=self._has(disk, head))

    def _has(self, disk: Disk, head: bytes) -> bool:
        """Whether a block with this payload is stored; the newest ones are looked at first."""
        for key in reversed(disk.pairs):
            if not key.startswith(records.BLOCKS):
                continue
            if key not in self._hashes:
                signed = blocks.decode(records.unpack(key, disk.pairs[key], bytes))
                self._hashes[key] = signed.block.payload.block_hash
            if self._hashes[key] == head:
                return True
        return False


def deposits_of(handle: Callable[[str, list[Any]], Any], script: bytes) -> Deposits:
    """As a Bitcoin node shows them (``handle`` is a call to it); what spends of the federation pays it is change, and no deposit."""
    known: dict[str, tuple[str, ...]] = {}

    def found(block_hash: str) -> tuple[str, ...]:
        if block_hash and block_hash not in known:
            block = bitcoin.parse_block(bytes.fromhex(handle("getblock", [block_hash, 0])))
            paid = (_paid(tx, script) for tx in block.txs)
            known[block_hash] = tuple(one for one in paid if one is not None)
        return known.get(block_hash, ())

    return found


def _paid(tx: bitcoin.Tx, script: bytes) -> str | None:
    """The first output to the script, of a transaction that spends no script path."""
    if any(len(txin.witness) > 2 for txin in tx.inputs):
        return None
    places = (n for n, output in enumerate(tx.outputs) if output.script == script)
    return next((f"{tx.txid}:{n}" for n in places), None)


def _tree(actor: Any) -> str:
    """The name of the tree that an actor is in: the second part of its path."""
    parts = str(actor.path).split("/")
    return parts[2] if len(parts) > 2 else ""


def _value(disk: Disk, key: bytes, kind: Any) -> Any:
    data = disk.pairs.get(key)
    return None if data is None else records.unpack(key, data, kind)


def _payout(disk: Disk, txid: str) -> PayoutRecord | None:
    data = _value(disk, records.record_key(bridge_records.PAYOUT, txid), bytes)
    return None if data is None else msgspec.msgpack.decode(data, type=PayoutRecord)
