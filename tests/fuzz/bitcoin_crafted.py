"""Transactions, blocks, scripts and addresses that decode and are wrong further in."""

from typing import Any

import msgspec
from btclib import b32

from alys.base.prng import SeededRandom
from alys.models.bitcoin import mining
from alys.models.bitcoin.node import BitcoinNode
from alys.wire import bitcoin
from alys.wire.bitcoin import Block, OutPoint, Tx, TxIn, TxOut
from tests.fuzz.bodies import Crafted, Params
from tests.models.bitcoin import builders

VALUES = (0, 1, 546, 10**8, 50 * 10**8, 21 * 10**14, 21 * 10**14 + 1, 2**63 - 1, -1, -(2**63))
SEQUENCES = (0, 1, 0xFFFFFFFD, 0xFFFFFFFE, 0xFFFFFFFF, 1 << 22, 1 << 31, 65_535)
LOCKTIMES = (0, 1, 104, 499_999_999, 500_000_000, 2**32 - 1)
TX_VERSIONS = (0, 1, 2, 3, 2**31, 2**32 - 1)
VERSIONS = (0, 1, 2, 3, -1, 2**31 - 1, -(2**31))
SCRIPTS = (
    *(
        b"",
        b"\x51",
        b"\x00",
        b"\x6a",
        b"\x6a\x20",
        b"\x4c",
        b"\x4d\xff\xff",
        b"\x4e\xff\xff\xff\xff",
    ),
    *(
        b"\x63" * 9,
        b"\xff" * 40,
        b"\xac",
        b"\x51\xae",
        b"\x01",
        b"\x75" * 300,
        b"\x6a" + b"\x51" * 100,
    ),
    *(builders.SCRIPT, builders.PAYEE, b"\x51\x20" + bytes(32), b"\x51\x20" + b"\xff" * 32),
    *(
        b"\x00\x14" + bytes(20),
        b"\x00\x20" + bytes(32),
        b"\x00\x10" + bytes(16),
        b"\x60\x02\x00\x00",
    ),
    *(
        b"\xa9\x14" + bytes(20) + b"\x87",
        b"\x76\xa9\x14" + bytes(20) + b"\x88\xac",
        b"\x51" * 10_001,
    ),
)


def crafted(node: BitcoinNode) -> Crafted:
    """Makers of calls, for ``Bodies``."""

    def transaction_call(random: SeededRandom) -> tuple[str, Params]:
        raw = transaction(node, random).serialize().hex()
        calls: tuple[tuple[str, Params], ...] = (
            ("sendrawtransaction", [raw, 0, 21_000_000]),
            ("sendrawtransaction", [raw]),
            ("testmempoolaccept", [[raw]]),
            ("decoderawtransaction", [raw]),
            ("generateblock", [builders.ADDRESS, [raw], False]),
        )
        return random.choice(calls)

    def block_call(random: SeededRandom) -> tuple[str, Params]:
        raw = block(node, random).serialize().hex()
        proposal: Params = [{"mode": "proposal", "data": raw, "rules": ["segwit"]}]
        return ("submitblock", [raw]) if random.below(2) else ("getblocktemplate", proposal)

    def address_call(random: SeededRandom) -> tuple[str, Params]:
        program = random.randbytes(random.choice((2, 20, 32, 40)))
        try:
            text = b32.address_from_witness(random.below(17), program, "regtest")
        except ValueError:
            text = "bcrt1" + program.hex()
        calls: tuple[tuple[str, Params], ...] = (
            ("validateaddress", [text]),
            ("generatetoaddress", [0, text]),
            ("scantxoutset", ["start", [f"addr({text})", f"raw({_script(random).hex()})"]]),
        )
        return random.choice(calls)

    return (transaction_call, block_call, address_call)


def _script(random: SeededRandom) -> bytes:
    return random.choice(SCRIPTS) if random.below(3) else random.randbytes(random.below(60))


def transaction(node: BitcoinNode, random: SeededRandom) -> Tx:
    """Something good with one field of another kind, signed before or after."""
    chain = node.chain
    spent = builders.coinbase_at(node, 1 + random.below(len(chain.active) - 1))
    tx = builders.payment(spent)
    for _ in range(1 + random.below(2)):
        tx = _changed(random, tx)
    if random.below(3) == 0 and len(tx.inputs) == 1:
        tx = bitcoin.sign_p2wpkh_input(tx, 0, builders.SECRET, spent.outputs[0].value)
    return tx


def _changed(random: SeededRandom, tx: Tx) -> Tx:
    change: dict[str, Any] = {}
    kind = random.below(9)
    if kind == 0:
        change["outputs"] = tuple(_output(random) for _ in range(random.below(4)))
    elif kind == 1:
        change["outputs"] = (*tx.outputs, _output(random))
    elif kind == 2:
        change["inputs"] = tuple(_input(random, tx) for _ in range(random.below(4)))
    elif kind == 3:
        change["inputs"] = (*tx.inputs, random.choice((_input(random, tx), *tx.inputs)))
    elif kind == 4:
        change["version"] = random.choice(TX_VERSIONS)
    elif kind == 5:
        change["locktime"] = random.choice(LOCKTIMES)
    else:
        change["inputs"] = tuple(_input_changed(random, txin) for txin in tx.inputs)
    return msgspec.structs.replace(tx, **change)


def _output(random: SeededRandom) -> TxOut:
    return TxOut(value=random.choice(VALUES), script=_script(random))


def _input(random: SeededRandom, tx: Tx) -> TxIn:
    txid = random.choice((tx.txid, "00" * 32, "ff" * 32, random.randbytes(32).hex()))
    outpoint = OutPoint(txid=txid, vout=random.choice((0, 1, 2**32 - 1)))
    return TxIn(outpoint=outpoint, sequence=random.choice(SEQUENCES), script_sig=_script(random))


def _input_changed(random: SeededRandom, txin: TxIn) -> TxIn:
    kind = random.below(4)
    if kind == 0:
        return msgspec.structs.replace(txin, sequence=random.choice(SEQUENCES))
    if kind == 1:
        return msgspec.structs.replace(txin, script_sig=_script(random))
    if kind == 2:
        witness = tuple(_script(random) for _ in range(random.below(4)))
        return msgspec.structs.replace(txin, witness=witness)
    witness = tuple(bytes(reversed(item)) for item in txin.witness)
    return msgspec.structs.replace(txin, witness=witness)


def block(node: BitcoinNode, random: SeededRandom) -> Block:
    """The next block, or one on an old block, with header, coinbase or transactions changed."""
    block = builders.block_on_tip(node)
    kind = random.below(7)
    if kind == 0:
        return builders.with_header(block, time=random.choice((0, 1, builders.START, 2**32 - 1)))
    if kind == 1:
        old = random.choice(node.chain.active)
        return builders.with_header(block, previous=old.hash)
    if kind == 2:
        return builders.with_header(block, version=random.choice(VERSIONS))
    if kind == 3:
        return builders.with_coinbase(block, outputs=(_output(random),))
    if kind == 4:
        return builders.with_coinbase_input(block, script_sig=_script(random))
    if kind == 5:
        return builders.with_txs(block, *block.txs, transaction(node, random))
    header = msgspec.structs.replace(block.header, bits=random.choice((0, 0x1D00FFFF, 2**32 - 1)))
    return Block(header=header, txs=mining.completed(block).txs)
