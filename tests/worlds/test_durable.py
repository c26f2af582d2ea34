"""The witness knows each act by its message, and reads the disk of the node that sent it."""

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from alys.actors.envelope import Envelope
from alys.actors.message import Message
from alys.base.units import Sats
from alys.chain.forkchoice import Vote
from alys.chain.peg import Deposit
from alys.node import gossip, messages, orders, ports, records, storage
from alys.node.operations import Cursor
from alys.oracles.durability import NotOnDisk
from alys.wire import bitcoin
from alys.worlds.disk import Disk
from alys.worlds.durable import DiskWitness, deposits_of

ROOT = b"\x07" * 32
DEPOSIT = Deposit(txid="ab" * 32, vout=1, sats=Sats(5_000), evm_address=b"\x01" * 20)


def told(witness: DiskWitness, message: Message, node: str = "node-1") -> None:
    sender = SimpleNamespace(path=f"/alys/{node}/consensus/chain")
    witness.sent(Envelope(message=message, sender=sender, sequence=1), cast("Any", None))


def put(disk: Disk, key: bytes, value: object) -> None:
    disk.pairs[key] = records.pack(key, value)


def approval() -> messages.Publish:
    return messages.Publish(item=gossip.Approval(root=ROOT, authority_index=1, signature=b""))


def test_an_approval_needs_its_vote_on_the_disk_of_its_own_node() -> None:
    disks = {"node-1": Disk(), "node": Disk()}
    votes = (Vote(root=ROOT, slot=3, parent=b"", parent_slot=2),)
    put(disks["node-1"], records.APPROVAL, msgspec.msgpack.encode(votes))
    witness = DiskWitness(disks)
    told(witness, approval())
    witness.judged.require()
    told(witness, approval(), node="node")
    with pytest.raises(NotOnDisk, match="node let out an approval"):
        witness.judged.require()


def test_a_deposit_is_offered_when_its_record_is_there() -> None:
    disk = Disk()
    witness = DiskWitness({"node-1": disk})
    ready = messages.PeginReady(deposit=DEPOSIT, block_hash="cd" * 32)
    put(disk, records.record_key("pegin", DEPOSIT.outpoint), b"")
    told(witness, ready)
    witness.judged.require()
    disk.pairs.clear()
    told(witness, ready)
    with pytest.raises(NotOnDisk, match="a deposit for the next block"):
        witness.judged.require()


def test_a_halt_is_told_as_it_is_stored() -> None:
    disk = Disk()
    witness = DiskWitness({"node-1": disk})
    halt = orders.Halt(number=2, in_force=True, reason="drill")
    key = records.record_key(orders.TABLE, orders.HALT)
    put(disk, key, msgspec.msgpack.encode(halt))
    told(witness, orders.HaltChanged(halt=halt))
    witness.judged.require()
    told(witness, orders.HaltChanged(halt=orders.Halt(number=3)))
    with pytest.raises(NotOnDisk, match="word of a halt"):
        witness.judged.require()


def test_a_head_needs_a_stored_block_and_building_on_one_does_not() -> None:
    witness = DiskWitness({"node-1": Disk()})
    head = {"headBlockHash": "0x" + "11" * 32}
    method = "engine_forkchoiceUpdatedV2"
    told(witness, ports.JsonRpcCall(method=method, params=(head, {"timestamp": "0x1"})))
    assert witness.judged.samples == {}
    told(witness, ports.JsonRpcCall(method=method, params=(head, None)))
    with pytest.raises(NotOnDisk, match="a head of the execution client"):
        witness.judged.require()


def test_a_bitcoin_block_is_read_when_its_deposits_are_stored() -> None:
    disk = Disk()
    witness = DiskWitness(
        {"node-1": disk}, deposits=lambda block: (DEPOSIT.outpoint,) if block == "ef" else ()
    )
    cursor = msgspec.msgpack.encode(Cursor(height=5, hashes={5: "ef"}))
    save = storage.SaveRecords(table="cursor", records=(("bitcoin", cursor),))
    put(disk, records.record_key("pegin", DEPOSIT.outpoint), b"")
    told(witness, save)
    witness.judged.require()
    disk.pairs.clear()
    told(witness, save)
    with pytest.raises(NotOnDisk, match="without the deposits of it"):
        witness.judged.require()


def test_payments_to_the_federation_are_told_from_its_change() -> None:
    """By the witness: what spends a script path spends the federation's coins."""
    script, place = b"\x51\x20" + b"\x01" * 32, bitcoin.OutPoint(txid="aa" * 32, vout=0)
    other = bitcoin.TxOut(value=1, script=b"\x6a")
    paid = (other, bitcoin.TxOut(value=2, script=script))
    deposit = bitcoin.Tx(inputs=(bitcoin.TxIn(outpoint=place, witness=(b"1", b"2")),), outputs=paid)
    change = bitcoin.Tx(
        inputs=(bitcoin.TxIn(outpoint=place, witness=(b"1", b"2", b"3", b"4")),), outputs=paid
    )
    header = bitcoin.Header(
        version=1, previous="00" * 32, merkle_root="00" * 32, time=0, bits=0, nonce=0
    )
    raw = b"".join(
        (header.serialize(), bitcoin.var_int(2), deposit.serialize(), change.serialize())
    )
    found = deposits_of(lambda method, params: raw.hex(), script)
    assert found("some block") == (f"{deposit.txid}:1",)
    assert found("") == ()


def test_what_does_not_concern_it_is_passed_over() -> None:
    witness = DiskWitness({"node-1": Disk()})
    told(witness, approval(), node="cosigner-2")
    told(witness, ports.JsonRpcCall(method="getblockcount"))
    assert witness.judged.samples == {}
