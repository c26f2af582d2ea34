"""The transactions of the comparison: good ones, and each way of getting one wrong that a rule or the relay policy knows."""

from collections.abc import Callable, Sequence
from typing import Any

import coincurve
import msgspec

from alys.wire import bitcoin
from alys.wire.bitcoin import OutPoint, Tx, TxIn, TxOut
from tests.models.bitcoin import spends
from tests.models.bitcoin.spends import LOCKS, P2WPKH, Coin, Lock
from tests.parity.programs import PROGRAMS
from tests.parity.stage import Stage

Case = Callable[[Stage], Tx]
COIN = 100_000_000
MONEY_MAX = 21_000_000 * COIN
ORDER = int("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141", 16)
FEE = 10_000
LATER = 0xFFFFFFFE


def replaced(tx: Tx, **changes: Any) -> Tx:
    return msgspec.structs.replace(tx, **changes)


def with_input(tx: Tx, **changes: Any) -> Tx:
    """The transaction with its first input changed, not signed again."""
    return replaced(tx, inputs=(msgspec.structs.replace(tx.inputs[0], **changes), *tx.inputs[1:]))


def unsigned(coin: Coin, *outputs: TxOut, **changes: Any) -> Tx:
    paid = outputs or (TxOut(value=coin.output.value - FEE, script=P2WPKH.script),)
    tx = Tx(inputs=(TxIn(outpoint=coin.place, sequence=LATER),), outputs=paid)
    return replaced(tx, **changes)


def spent(coin: Coin, *outputs: TxOut, **changes: Any) -> Tx:
    return spends.signed(unsigned(coin, *outputs, **changes), (coin,))


def elements(tx: Tx, lock: Lock) -> list[bytes]:
    """What satisfies the first input: the pushes of a script_sig, or the witness."""
    if tx.inputs[0].witness:
        return list(tx.inputs[0].witness)
    script, found = tx.inputs[0].script_sig, []
    while script:
        size = script[0]
        found.append(script[1 : 1 + size])
        script = script[1 + size :]
    return found


def with_elements(tx: Tx, made: Sequence[bytes]) -> Tx:
    if tx.inputs[0].witness:
        return with_input(tx, witness=tuple(made))
    return with_input(tx, script_sig=b"".join(bitcoin.push(one) for one in made))


def _element_changed(position: int, change: Callable[[bytes], bytes]) -> Callable[[Tx, Lock], Tx]:
    def mutate(tx: Tx, lock: Lock) -> Tx:
        made = elements(tx, lock)
        made[position] = change(made[position])
        return with_elements(tx, made)

    return mutate


def _flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda data: bytes(
        byte ^ (1 if n == (at if at >= 0 else len(data) + at) else 0) for n, byte in enumerate(data)
    )


def _high_s(signature: bytes) -> bytes:
    """The same signature with the other s, which is as good a one."""
    if signature[:1] != b"\x30":
        return signature[:32] + bytes((signature[32] ^ 0x80,)) + signature[33:]
    size = signature[3]
    r, s = signature[4 : 4 + size], int.from_bytes(signature[6 + size : -1], "big")
    other = (ORDER - s).to_bytes(33, "big").lstrip(b"\x00")
    other = b"\x00" + other if other[0] & 0x80 else other
    body = b"\x02" + bytes((len(r),)) + r + b"\x02" + bytes((len(other),)) + other
    return b"\x30" + bytes((len(body),)) + body + signature[-1:]


def _hash_type(number: int) -> Callable[[Tx, Lock], Tx]:
    """The type byte alone is another, the signature is for what it was."""

    def change(signature: bytes) -> bytes:
        return (signature if len(signature) == 64 else signature[:-1]) + bytes((number,))

    return _element_changed(0, change)


OF_EVERY_LOCK: dict[str, Callable[[Tx, Lock], Tx]] = {
    "good": lambda tx, _: tx,
    "first byte of the signature": _element_changed(0, _flipped(0)),
    "middle of the signature": _element_changed(0, _flipped(20)),
    "last byte of the signature": _element_changed(0, _flipped(-2)),
    "signature is empty": _element_changed(0, lambda _: b""),
    "signature is longer": _element_changed(0, lambda data: data + b"\x01"),
    "signature is shorter": _element_changed(0, lambda data: data[:-1]),
    "signature with high s": _element_changed(0, _high_s),
    "hash type 0": _hash_type(0),
    "hash type 2": _hash_type(2),
    "hash type 4": _hash_type(4),
    "hash type 0x81": _hash_type(0x81),
    "hash type 0x84": _hash_type(0x84),
    "last element changed": _element_changed(-1, _flipped(-1)),
    "last element longer": _element_changed(-1, lambda data: data + b"\x00"),
    "an element more": lambda tx, lock: with_elements(tx, [b"\x07", *elements(tx, lock)]),
    "an empty element more": lambda tx, lock: with_input(
        tx,
        **(
            {"witness": (b"", *tx.inputs[0].witness)}
            if tx.inputs[0].witness
            else {"script_sig": b"\x00" + tx.inputs[0].script_sig}
        ),
    ),
    "first element missing": lambda tx, lock: with_elements(tx, elements(tx, lock)[1:]),
    "last element missing": lambda tx, lock: with_elements(tx, elements(tx, lock)[:-1]),
    "nothing signed": lambda tx, _: with_input(tx, witness=(), script_sig=b""),
    "script_sig more": lambda tx, _: with_input(tx, script_sig=b"\x51" + tx.inputs[0].script_sig),
    "script_sig with an opcode": lambda tx, _: with_input(
        tx, script_sig=b"\x61" + tx.inputs[0].script_sig
    ),
    "witness added": lambda tx, _: with_input(tx, witness=(*tx.inputs[0].witness, b"x")),
    "output changed": lambda tx, _: replaced(
        tx, outputs=(msgspec.structs.replace(tx.outputs[0], value=tx.outputs[0].value - 1),)
    ),
    "sequence changed": lambda tx, _: with_input(tx, sequence=0xFFFFFFFD),
    "lock time changed": lambda tx, _: replaced(tx, locktime=1),
    "version changed": lambda tx, _: replaced(tx, version=1),
    "annex": lambda tx, _: with_input(tx, witness=(*tx.inputs[0].witness, b"\x50annex")),
}
"""Changes of a good transaction that spends one coin; nothing is signed again."""


def _locks() -> dict[str, Case]:
    def case(lock: Lock, mutate: Callable[[Tx, Lock], Tx]) -> Case:
        return lambda stage: mutate(spent(stage.coins[lock.name]), lock)

    return {
        f"{lock.name}: {title}": case(lock, mutate)
        for lock in LOCKS
        for title, mutate in OF_EVERY_LOCK.items()
    }


def _programs() -> dict[str, Case]:
    """Every program spent in a version 2 transaction with a lock time and an age."""

    def case(name: str) -> Case:
        def made(stage: Stage) -> Tx:
            coin = stage.coins[name]
            tx = unsigned(coin, locktime=120)
            return spends.signed(with_input(tx, sequence=10), (coin,))

        return made

    return {program.name: case(program.name) for program in PROGRAMS}


def _sighash_types() -> dict[str, Case]:
    """Good signatures of every type."""

    def ecdsa(name: str, kind: int) -> Case:
        def made(stage: Stage) -> Tx:
            coin = stage.coins[name]
            tx = unsigned(coin)
            if name == "p2pkh":
                signature = spends.legacy_signature(tx, 0, spends.HASH_CODE, kind)
                pushes = bitcoin.push(signature) + bitcoin.push(spends.PUBKEY)
                return with_input(tx, script_sig=pushes)
            signature = spends.segwit_signature(tx, 0, spends.HASH_CODE, coin.output.value, kind)
            return with_input(tx, witness=(signature, spends.PUBKEY))

        return made

    def schnorr(kind: int) -> Case:
        def made(stage: Stage) -> Tx:
            coin = stage.coins["p2tr-key"]
            tx = unsigned(coin)
            signature = spends.taproot_signature(tx, 0, (coin.output,), kind)
            return with_input(tx, witness=(signature,))

        return made

    kinds = (1, 2, 3, 0x81, 0x82, 0x83)
    return {
        **{f"p2pkh: signed with type {k:#x}": ecdsa("p2pkh", k) for k in (*kinds, 0, 4, 0x41)},
        **{f"p2wpkh: signed with type {k:#x}": ecdsa("p2wpkh", k) for k in (*kinds, 0, 4, 0x41)},
        **{f"p2tr-key: signed with type {k:#x}": schnorr(k) for k in kinds},
    }


def _paying(*outputs: tuple[int, bytes]) -> Case:
    return lambda stage: spent(
        stage.coins["p2wpkh"], *(TxOut(value=value, script=script) for value, script in outputs)
    )


def _change(script: bytes, value: int = 0) -> Case:
    """Pays ``value`` to a script and most of the rest to P2WPKH."""

    def made(stage: Stage) -> Tx:
        coin = stage.coins["p2wpkh"]
        rest = TxOut(value=coin.output.value - value - FEE, script=P2WPKH.script)
        return spent(coin, rest, TxOut(value=value, script=script))

    return made


DATA = b"\x6a"
PAD = b"\x61"
OUTPUTS: dict[str, Case] = {
    "pays nothing": _paying((0, P2WPKH.script)),
    "pays less than nothing": _paying((-1, P2WPKH.script)),
    "pays the least number": _paying((-(2**63), P2WPKH.script)),
    "pays more than there is": _paying((100 * COIN, P2WPKH.script)),
    "pays all money": _paying((MONEY_MAX, P2WPKH.script)),
    "pays more than all money": _paying((MONEY_MAX + 1, P2WPKH.script)),
    "pays more than all money together": _paying((MONEY_MAX, P2WPKH.script), (1, P2WPKH.script)),
    "no outputs": lambda stage: replaced(spent(stage.coins["p2wpkh"]), outputs=()),
    "dust p2wpkh": _change(P2WPKH.script, 293),
    "not quite dust p2wpkh": _change(P2WPKH.script, 294),
    "dust p2pkh": _change(spends.P2PKH.script, 545),
    "not quite dust p2pkh": _change(spends.P2PKH.script, 546),
    "dust p2tr": _change(spends.P2TR_KEY.script, 329),
    "not quite dust p2tr": _change(spends.P2TR_KEY.script, 330),
    "dust p2sh": _change(spends.P2SH.script, 539),
    "not quite dust p2sh": _change(spends.P2SH.script, 540),
    "dust p2wsh": _change(spends.P2WSH.script, 329),
    "not quite dust p2wsh": _change(spends.P2WSH.script, 330),
    "anchor without value": _change(bytes.fromhex("51024e73"), 0),
    "anchor of 239": _change(bytes.fromhex("51024e73"), 239),
    "anchor of 240": _change(bytes.fromhex("51024e73"), 240),
    "data": _change(DATA + bitcoin.push(b"a" * 75)),
    "data of 80": _change(DATA + bitcoin.push(b"a" * 80)),
    "data of 81": _change(DATA + bitcoin.push(b"a" * 81)),
    "data that is no push": _change(DATA + b"\x61"),
    "data cut off": _change(DATA + b"\x05ab"),
    "data with value": _change(DATA + b"\x01a", 1000),
    "data alone": _change(DATA),
    "data in two pushes": _change(DATA + b"\x01a\x01b"),
    "nonstandard": _change(b"\x51", 1000),
    "empty script": _change(b"", 1000),
    "pays a key": _change(spends.KEY_SCRIPT, 1000),
    "pays no key": _change(b"\x21\x05" + bytes(32) + b"\xac", 1000),
    "pays one of three": _change(b"\x51" + bitcoin.push(spends.PUBKEY) * 3 + b"\x53\xae", 1000),
    "pays one of four": _change(b"\x51" + bitcoin.push(spends.PUBKEY) * 4 + b"\x54\xae", 1000),
    "witness version 0 of 31": _change(b"\x00\x1f" + bytes(31), 1000),
    "witness version 1 of 31": _change(b"\x51\x1f" + bytes(31), 1000),
    "witness version 2": _change(b"\x52\x20" + bytes(32), 1000),
    "witness version 16 of 2": _change(b"\x60\x02ab", 1000),
    "witness version 16 of 41": _change(b"\x60\x29" + bytes(41), 1000),
    "taproot that is no point": _change(b"\x51\x20" + b"\xff" * 32, 1000),
    "fee 0": lambda stage: _with_fee(stage, 0),
    "fee below the least": lambda stage: _with_fee(stage, 109),
    "fee the least": lambda stage: _with_fee(stage, 110),
    "fee of a coin": lambda stage: _with_fee(stage, COIN),
    "two data outputs": lambda stage: spent(
        stage.coins["p2wpkh"],
        *(TxOut(value=0, script=DATA + b"\x01a") for _ in range(2)),
        TxOut(value=COIN, script=P2WPKH.script),
    ),
    "dust without fee": lambda stage: spent(
        stage.coins["p2wpkh"],
        TxOut(value=stage.coins["p2wpkh"].output.value - 1, script=P2WPKH.script),
        TxOut(value=1, script=P2WPKH.script),
    ),
}


def _with_fee(stage: Stage, fee: int) -> Tx:
    coin = stage.coins["p2wpkh"]
    return spent(coin, TxOut(value=coin.output.value - fee, script=P2WPKH.script))


def _locked(locktime: Callable[[Stage], int], sequence: int = LATER) -> Case:
    def made(stage: Stage) -> Tx:
        coin = stage.coins["p2wpkh"]
        tx = with_input(unsigned(coin, locktime=locktime(stage)), sequence=sequence)
        return spends.signed(tx, (coin,))

    return made


def _aged(sequence: int, version: int = 2, *, young: bool = True) -> Case:
    def made(stage: Stage) -> Tx:
        coin = (stage.young if young else stage.coins)["p2wpkh"]
        tx = with_input(unsigned(coin, version=version), sequence=sequence)
        return spends.signed(tx, (coin,))

    return made


BY_TIME = 1 << 22
TIMES: dict[str, Case] = {
    "lock time height before": _locked(lambda stage: stage.height - 1),
    "lock time height": _locked(lambda stage: stage.height),
    "lock time height after": _locked(lambda stage: stage.height + 1),
    "lock time height after, final": _locked(lambda stage: stage.height + 1, 0xFFFFFFFF),
    "lock time median before": _locked(lambda stage: stage.median_time - 1),
    "lock time median": _locked(lambda stage: stage.median_time),
    "lock time median after": _locked(lambda stage: stage.median_time + 1),
    "lock time least time": _locked(lambda _: 500_000_000),
    "lock time greatest height": _locked(lambda _: 499_999_999),
    "age 0": _aged(0),
    "age 1": _aged(1),
    "age 2": _aged(2),
    "age 2, version 1": _aged(2, 1),
    "age 2, version 3": _aged(2, 3),
    "age 2 with the high bit": _aged(1 << 31 | 2),
    "age 2 with an unused bit": _aged(1 << 17 | 2),
    "age of an old coin": _aged(22, young=False),
    "age of an old coin, one more": _aged(23, young=False),
    "age time 0": _aged(BY_TIME),
    "age time 1": _aged(BY_TIME | 1),
    "age time 2": _aged(BY_TIME | 2),
    "age time of an old coin": _aged(BY_TIME | 24, young=False),
    "age time of an old coin, one more": _aged(BY_TIME | 26, young=False),
    "age time of an old coin, greatest": _aged(BY_TIME | 0xFFFF, young=False),
    **{
        f"version {version}": _aged(LATER, version, young=False)
        for version in (0, 1, 2, 3, 4, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
    },
}


def _spends_twice(stage: Stage) -> Tx:
    coin = stage.coins["p2wpkh"]
    tx = unsigned(coin)
    return spends.signed(replaced(tx, inputs=tx.inputs * 2), (coin, coin))


def _spends_all(stage: Stage) -> Tx:
    return spends.spending([stage.coins[lock.name] for lock in LOCKS])


def _spends(place: OutPoint) -> Case:
    return lambda stage: with_input(spent(stage.coins["p2wpkh"]), outpoint=place)


def _spends_null_too(stage: Stage) -> Tx:
    tx = spent(stage.coins["p2wpkh"])
    null = TxIn(outpoint=OutPoint(txid=bitcoin.NULL_HASH, vout=bitcoin.NULL_VOUT))
    return replaced(tx, inputs=(*tx.inputs, null))


def _coinbase_of_its_own(stage: Stage) -> Tx:
    return stage.node.chain.tip.block.txs[0]


def _of_bytes(size: int) -> Case:
    """A transaction of this many bytes without its witness."""

    def made(stage: Stage) -> Tx:
        coin = stage.coins["p2tr-key"]
        script = DATA + PAD * (size - 61)
        return spent(coin, TxOut(value=0, script=script))

    return made


def _of_weight(weight: int) -> Case:
    """As heavy as this by many outputs."""

    def made(stage: Stage) -> Tx:
        coin = stage.coins["p2tr-key"]
        count = weight // (4 * 31) - 6
        value = coin.output.value - 200_000
        outputs = [TxOut(value=value // count, script=P2WPKH.script) for _ in range(count)]
        return spent(coin, *outputs)

    return made


INPUTS: dict[str, Case] = {
    "spends all kinds": _spends_all,
    "spends a coin twice": _spends_twice,
    "spends what never was": _spends(OutPoint(txid="ab" * 32, vout=0)),
    "spends what is spent": lambda stage: spent(stage.coinbase(1)),
    "spends a vout that is not there": lambda stage: with_input(
        spent(stage.coins["p2wpkh"]),
        outpoint=OutPoint(txid=stage.coins["p2wpkh"].place.txid, vout=1000),
    ),
    "spends nothing": lambda stage: _spends(
        OutPoint(txid=bitcoin.NULL_HASH, vout=bitcoin.NULL_VOUT)
    )(stage),
    "spends null too": _spends_null_too,
    "spends a genesis coin": lambda stage: _spends(
        OutPoint(txid=stage.node.chain.active[0].block.txs[0].txid, vout=0)
    )(stage),
    "coinbase of old": _coinbase_of_its_own,
    "coinbase of 99": lambda stage: spent(stage.coinbase(stage.height - 99)),
    "coinbase of 100": lambda stage: spent(stage.coinbase(stage.height - 100)),
    "coinbase of 1": lambda stage: spent(stage.coinbase(stage.height - 1)),
    "64 bytes": _of_bytes(64),
    "63 bytes": _of_bytes(63),
    "65 bytes": _of_bytes(65),
    "weight below the limit": _of_weight(399_000),
    "weight above the limit": _of_weight(402_000),
    "in the chain already": lambda stage: next(
        tx for tx in stage.node.chain.active[131].block.txs if not tx.is_coinbase
    ),
    "script_sig of 1650": lambda stage: with_input(
        spent(stage.coins["p2wpkh"]), script_sig=b"\x4d\x6f\x06" + b"a" * 1647
    ),
    "script_sig of 1651": lambda stage: with_input(
        spent(stage.coins["p2wpkh"]), script_sig=b"\x4d\x70\x06" + b"a" * 1648
    ),
}


def _control(change: Callable[[bytes], bytes]) -> Case:
    def made(stage: Stage) -> Tx:
        tx = spent(stage.coins["p2tr-script"])
        *rest, control = tx.inputs[0].witness
        return with_input(tx, witness=(*rest, change(control)))

    return made


TAPROOT: dict[str, Case] = {
    "control block of 32": _control(lambda control: control[:-1]),
    "control block of 65": _control(lambda control: control + bytes(32)),
    "control block of 34": _control(lambda control: control + b"a"),
    "control block too long": _control(lambda control: control + bytes(32 * 129)),
    "control block of 128 steps": _control(lambda control: control + bytes(32 * 128)),
    "control block parity": _control(lambda control: bytes((control[0] ^ 1,)) + control[1:]),
    "control block leaf version": _control(lambda control: bytes((control[0] ^ 2,)) + control[1:]),
    "control block internal key": _control(lambda control: control[:5] + b"\x07" + control[6:]),
    "control block empty": _control(lambda _: b""),
    "signature of the other key": lambda stage: with_input(
        spent(stage.coins["p2tr-key"]),
        witness=(coincurve.PrivateKey((5).to_bytes(32, "big")).sign_schnorr(bytes(32), bytes(32)),),
    ),
}


CASES: dict[str, Case] = {
    **_locks(),
    **_sighash_types(),
    **_programs(),
    **{f"output: {name}": case for name, case in OUTPUTS.items()},
    **{f"time: {name}": case for name, case in TIMES.items()},
    **{f"input: {name}": case for name, case in INPUTS.items()},
    **{f"taproot: {name}": case for name, case in TAPROOT.items()},
}
