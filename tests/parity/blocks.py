"""The blocks of the comparison: a good one, and each way of getting one wrong. Work is done on all but those that lack it."""

from collections.abc import Callable
from typing import Any

import msgspec

from alys.models.bitcoin import mining, rules
from alys.wire import bitcoin
from alys.wire.bitcoin import Block, OutPoint, Tx, TxIn, TxOut
from tests.models.bitcoin import spends
from tests.models.bitcoin.spends import P2WPKH
from tests.parity.stage import (
    Stage,
    rebuilt,
    with_coinbase,
    with_coinbase_input,
    with_header,
)
from tests.parity.transactions import unsigned

Case = Callable[[Stage, int], bytes]
"""The bytes of a block on the stage's tip; the number keeps its coinbase apart from others."""

COMMITMENT = 38
NONCE = bytes(32)


def done(block: Block) -> bytes:
    """With its work."""
    return mining.mined(block).serialize()


def changed(change: Callable[[Stage, Block], Block]) -> Case:
    """A block with one transaction, changed."""

    def made(stage: Stage, number: int) -> bytes:
        tx = spends.spending((stage.coins["p2wpkh"],))
        return done(change(stage, stage.block(tx, number=number)))

    return made


def header(**changes: Any) -> Case:
    return changed(lambda _, block: with_header(block, **changes))


def reward(more: int, *, fees: bool = True) -> Case:
    """A coinbase that takes subsidy and fees and ``more``."""

    def change(stage: Stage, block: Block) -> Block:
        fee = 10_000 if fees else 0
        first = TxOut(value=rules.subsidy(stage.height) + fee + more, script=P2WPKH.script)
        return with_coinbase(block, outputs=(first, *block.txs[0].outputs[1:]))

    return changed(change)


def script_sig(make: Callable[[Stage], bytes]) -> Case:
    """A coinbase with this script; two blocks with equal ones are kept apart by its lock time's sequence."""

    def made(stage: Stage, number: int) -> bytes:
        block = stage.block()
        return done(with_coinbase_input(block, script_sig=make(stage), sequence=number))

    return made


def committed(block: Block, nonce: bytes = NONCE) -> Block:
    """The block with a commitment to its transactions as they are."""
    script = rules.witness_commitment(block.txs, nonce)
    outputs = (block.txs[0].outputs[0], TxOut(value=0, script=script))
    return with_coinbase(block, outputs=outputs)


def with_txs(make: Callable[[Stage], list[Tx]]) -> Case:
    """A block with these transactions, all committed to."""

    def made(stage: Stage, number: int) -> bytes:
        return done(stage.block(*make(stage), number=number))

    return made


def _repeated_tail(_: Stage, block: Block) -> Block:
    """CVE-2012-2459: another list of transactions with the same root."""
    return Block(header=block.header, txs=(*block.txs, *block.txs[-1:]))


def _odd_tail(stage: Stage, number: int) -> bytes:
    parent = spends.spending((stage.coins["p2wpkh"],))
    block = stage.block(parent, spends.spending(spends.coins_of(parent)), number=number)
    return (
        mining.mined(block).serialize()[:80]
        + b"\x04"
        + b"".join(tx.serialize() for tx in (*block.txs, block.txs[-1]))
    )


def _commitments(stage: Stage, block: Block, *, last_is_good: bool) -> Block:
    good = block.txs[0].outputs[1]
    bad = TxOut(value=0, script=rules.WITNESS_MAGIC + b"\x07" * 32)
    pair = (bad, good) if last_is_good else (good, bad)
    return with_coinbase(block, outputs=(block.txs[0].outputs[0], *pair))


def _heavy(stage: Stage, number: int, weight: int) -> bytes:
    """A block of exactly this weight, by an output of the coinbase that nobody can spend."""
    plain = stage.block(number=number)
    committed_to = committed(with_coinbase(plain, outputs=plain.txs[0].outputs[:1]))

    def filled(size: int) -> Block:
        out = TxOut(value=0, script=b"\x6a" + bytes(size))
        return with_coinbase(committed_to, outputs=(*committed_to.txs[0].outputs, out))

    about = (weight - rules.block_weight(filled(70_000))) // 4 + 70_000
    block = filled(about)
    assert rules.block_weight(block) == weight
    return done(block)


def _sigops(count: int) -> Case:
    """Outputs of the coinbase with so many legacy signature checks, four units each."""

    def change(_: Stage, block: Block) -> Block:
        out = TxOut(value=0, script=b"\xac" * count)
        return with_coinbase(block, outputs=(*block.txs[0].outputs, out))

    return changed(change)


def _multisigops(count: int) -> Case:
    def change(_: Stage, block: Block) -> Block:
        out = TxOut(value=0, script=b"\xae" * count)
        return with_coinbase(block, outputs=(*block.txs[0].outputs, out))

    return changed(change)


def _parent(stage: Stage) -> Tx:
    return spends.spending((stage.coins["p2wpkh"],))


def _child(stage: Stage) -> Tx:
    return spends.spending(spends.coins_of(_parent(stage)))


def _stripped(_: Stage, block: Block) -> Block:
    """Without any witness, the commitment still there."""
    txs = [
        msgspec.structs.replace(
            tx, inputs=tuple(msgspec.structs.replace(one, witness=()) for one in tx.inputs)
        )
        for tx in block.txs
    ]
    return Block(header=block.header, txs=tuple(txs))


def _unworked(stage: Stage, number: int) -> bytes:
    block = stage.block(number=number)
    for nonce in range(1000):
        tried = with_header(block, nonce=nonce)
        if not bitcoin.meets_target(tried.hash, tried.header.bits):
            return tried.serialize()
    raise AssertionError("half of all nonces do not do")


def _in_block_tx(**changes: Any) -> Case:
    """A second transaction changed after it was signed, so that only what it says of itself counts."""
    return with_txs(lambda stage: [msgspec.structs.replace(_parent(stage), **changes)])


def _legacy_block(stage: Stage, number: int) -> bytes:
    """No witness anywhere and no commitment."""
    tx = spends.spending((stage.coins["p2pkh"],))
    block = stage.block(tx, number=number)
    plain = with_coinbase(block, outputs=block.txs[0].outputs[:1])
    return done(with_coinbase_input(plain, witness=()))


def _coinbase_tx(stage: Stage) -> Tx:
    null = OutPoint(txid=bitcoin.NULL_HASH, vout=bitcoin.NULL_VOUT)
    return Tx(inputs=(TxIn(outpoint=null, script_sig=b"ab"),), outputs=_parent(stage).outputs)


HEADERS: dict[str, Case] = {
    "good": changed(lambda _, block: block),
    "version 0": header(version=0),
    "version 1": header(version=1),
    "version 3": header(version=3),
    "version 4": header(version=4),
    "version -2": header(version=-2),
    "version lowest": header(version=-(2**31)),
    "version greatest": header(version=0x7FFFFFFF),
    "bits harder": header(bits=0x207FFFFE),
    "bits easier": lambda stage, number: with_header(
        stage.block(number=number), bits=0x217FFFFF
    ).serialize(),
    "bits 0": lambda stage, number: with_header(stage.block(number=number), bits=0).serialize(),
    "bits negative": lambda stage, number: with_header(
        stage.block(number=number), bits=0x20FFFFFF
    ).serialize(),
    "no work": _unworked,
    "time is the median": changed(lambda stage, block: with_header(block, time=stage.median_time)),
    "time after the median": changed(
        lambda stage, block: with_header(block, time=stage.median_time + 1)
    ),
    "time before the median": changed(
        lambda stage, block: with_header(block, time=stage.median_time - 1)
    ),
    "time two hours ahead": changed(
        lambda stage, block: with_header(block, time=int(stage.clock.seconds) + 7200)
    ),
    "time more than two hours ahead": changed(
        lambda stage, block: with_header(block, time=int(stage.clock.seconds) + 7201)
    ),
    "parent unknown": header(previous="ab" * 32),
    "parent is the genesis block": changed(
        lambda stage, block: with_header(block, previous=stage.node.chain.active[0].hash)
    ),
    "merkle root wrong": header(merkle_root="ab" * 32),
    "merkle root of a wrong order": changed(
        lambda _, block: with_header(
            block, merkle_root=bitcoin.merkle_root([tx.txid for tx in reversed(block.txs)])
        )
    ),
}

COINBASES: dict[str, Case] = {
    "takes all": reward(0),
    "takes a satoshi more": reward(1),
    "takes a satoshi less": reward(-1),
    "takes no fees": reward(0, fees=False),
    "takes the subsidy before the halving": changed(
        lambda _, block: with_coinbase(
            block,
            outputs=(TxOut(value=50 * 10**8, script=P2WPKH.script), block.txs[0].outputs[1]),
        )
    ),
    "pays less than nothing": reward(-(10**12)),
    "pays more than all money": reward(21 * 10**14),
    "height of the parent": script_sig(
        lambda stage: rules.height_script(stage.height - 1) + b"\x00"
    ),
    "height of the child": script_sig(
        lambda stage: rules.height_script(stage.height + 1) + b"\x00"
    ),
    "height in a longer form": script_sig(
        lambda stage: b"\x03" + stage.height.to_bytes(3, "little")
    ),
    "height alone": script_sig(lambda stage: rules.height_script(stage.height)),
    "no height": script_sig(lambda _: b"\x00\x00"),
    "script of 0": script_sig(lambda _: b""),
    "script of 1": script_sig(lambda _: b"\x00"),
    "script of 100": script_sig(
        lambda stage: rules.height_script(stage.height).ljust(100, b"\x00")
    ),
    "script of 101": script_sig(
        lambda stage: rules.height_script(stage.height).ljust(101, b"\x00")
    ),
    "script cut off": script_sig(lambda stage: rules.height_script(stage.height) + b"\x4c"),
    "not final": changed(
        lambda stage, block: with_coinbase_input(
            with_coinbase(block, locktime=stage.height), sequence=0
        )
    ),
    "lock time, final": changed(lambda stage, block: with_coinbase(block, locktime=stage.height)),
    "version 1": changed(lambda _, block: with_coinbase(block, version=1)),
    "no outputs": changed(lambda _, block: with_coinbase(block, outputs=())),
    "two inputs": changed(lambda _, block: with_coinbase(block, inputs=block.txs[0].inputs * 2)),
    "input is none": changed(
        lambda stage, block: with_coinbase_input(block, outpoint=stage.coins["p2wpkh"].place)
    ),
    "input is null of another index": changed(
        lambda _, block: with_coinbase_input(
            block, outpoint=OutPoint(txid=bitcoin.NULL_HASH, vout=0)
        )
    ),
    "missing": changed(lambda _, block: rebuilt(block, *block.txs[1:])),
    "second": changed(lambda _, block: rebuilt(block, *reversed(block.txs))),
    "two of them": changed(
        lambda stage, block: committed(rebuilt(block, *block.txs, _coinbase_tx(stage)))
    ),
    "no transactions at all": changed(lambda _, block: Block(header=block.header, txs=())),
}

WITNESSES: dict[str, Case] = {
    "nothing signed by witness, no commitment": _legacy_block,
    "no commitment": changed(
        lambda _, block: with_coinbase(block, outputs=block.txs[0].outputs[:1])
    ),
    "wrong commitment": changed(
        lambda _, block: with_coinbase(
            block,
            outputs=(
                block.txs[0].outputs[0],
                TxOut(value=0, script=rules.WITNESS_MAGIC + b"\x07" * 32),
            ),
        )
    ),
    "two commitments, the last one good": changed(
        lambda stage, block: _commitments(stage, block, last_is_good=True)
    ),
    "two commitments, the first one good": changed(
        lambda stage, block: _commitments(stage, block, last_is_good=False)
    ),
    "commitment with more behind it": changed(
        lambda _, block: with_coinbase(
            block,
            outputs=(
                block.txs[0].outputs[0],
                TxOut(value=0, script=block.txs[0].outputs[1].script + b"more"),
            ),
        )
    ),
    "commitment cut off": changed(
        lambda _, block: with_coinbase(
            block,
            outputs=(
                block.txs[0].outputs[0],
                TxOut(value=0, script=block.txs[0].outputs[1].script[:-1]),
            ),
        )
    ),
    "another reserved value": changed(
        lambda _, block: with_coinbase_input(
            committed(block, b"\x05" * 32), witness=(b"\x05" * 32,)
        )
    ),
    "reserved value that was not committed to": changed(
        lambda _, block: with_coinbase_input(block, witness=(b"\x05" * 32,))
    ),
    "reserved value of 31": changed(
        lambda _, block: with_coinbase_input(block, witness=(bytes(31),))
    ),
    "two reserved values": changed(
        lambda _, block: with_coinbase_input(block, witness=(NONCE, NONCE))
    ),
    "no reserved value": changed(lambda _, block: with_coinbase_input(block, witness=())),
    "none at all": changed(_stripped),
}

CONTENTS: dict[str, Case] = {
    "parent and child": with_txs(lambda stage: [_parent(stage), _child(stage)]),
    "child before parent": with_txs(lambda stage: [_child(stage), _parent(stage)]),
    "child without parent": with_txs(lambda stage: [_child(stage)]),
    "two spend one coin": with_txs(
        lambda stage: [_parent(stage), spends.spending((stage.coins["p2wpkh"],), fee=20_000)]
    ),
    "the same twice": with_txs(lambda stage: [_parent(stage)] * 2),
    "the same twice, root of one": changed(_repeated_tail),
    "three and the last again": _odd_tail,
    "one from the chain": with_txs(lambda stage: [stage.node.chain.active[131].block.txs[1]]),
    "spends its own coinbase": changed(
        lambda _, block: committed(
            rebuilt(
                block,
                block.txs[0],
                spends.spending(spends.coins_of(block.txs[0])[:1]),
            )
        )
    ),
    "weight at the limit": lambda stage, number: _heavy(stage, number, 4_000_000),
    "weight above the limit": lambda stage, number: _heavy(stage, number, 4_000_004),
    "signature checks at the limit": _sigops(19_999),
    "signature checks above the limit": _sigops(20_001),
    "multisignature checks below the limit": _multisigops(999),
    "multisignature checks above the limit": _multisigops(1_001),
    "transaction without outputs": _in_block_tx(outputs=()),
    "transaction with a lock time to come": with_txs(
        lambda stage: [spends.spending((stage.coins["p2wpkh"],), locktime=stage.height)]
    ),
    "transaction of 64 bytes": with_txs(
        lambda stage: [
            spends.signed(
                unsigned(stage.coins["p2tr-key"], TxOut(value=0, script=b"\x6a\x61\x61\x61")),
                (stage.coins["p2tr-key"],),
            )
        ]
    ),
    "bytes left over": lambda stage, number: done(stage.block(number=number)) + b"\x00",
    "cut off": lambda stage, number: done(stage.block(number=number))[:-1],
    "header alone": lambda stage, number: done(stage.block(number=number))[:80],
}

CASES: dict[str, Case] = {
    **{f"header: {name}": case for name, case in HEADERS.items()},
    **{f"coinbase: {name}": case for name, case in COINBASES.items()},
    **{f"witness: {name}": case for name, case in WITNESSES.items()},
    **{f"contents: {name}": case for name, case in CONTENTS.items()},
}
