"""Every way of locking a coin that the Bitcoin node is compared with bitcoind on, each with its way of spending.

Signatures are made here with the library's hashes, not by a wallet, so that tests of nodes need none.
"""

from collections.abc import Callable, Sequence

import coincurve
import msgspec
from btclib.script import sig_hash

from alys.wire import bitcoin, bitcoin_bridge
from alys.wire.bitcoin import OutPoint, Tx, TxIn, TxOut

SECRET = (21).to_bytes(32, "big")
PUBKEY = bitcoin.pubkey_of(SECRET)
XONLY = bitcoin.xonly_of(SECRET)
AUX = bytes(32)
CHECKSIG = b"\xac"
KEY_SCRIPT = bitcoin.push(PUBKEY) + CHECKSIG
LEAF = bitcoin.push(XONLY) + CHECKSIG
INTERNAL = bitcoin.xonly_of((22).to_bytes(32, "big"))
LEAF_KEY, LEAF_PARITY = bitcoin.taproot_output(INTERNAL, LEAF)
HASH_CODE = b"\x76\xa9\x14" + bitcoin.hash160(PUBKEY) + b"\x88\xac"

Signer = Callable[[Tx, int, Sequence[TxOut]], TxIn]


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """An output script, and the input that spends it, made for a transaction with all its inputs."""

    name: str
    script: bytes
    sign: Signer


def ecdsa(digest: bytes, hash_type: int = bitcoin.SIGHASH_ALL) -> bytes:
    return coincurve.PrivateKey(SECRET).sign(digest, hasher=None) + bytes((hash_type,))


def legacy_signature(tx: Tx, index: int, code: bytes, hash_type: int = 1) -> bytes:
    return ecdsa(sig_hash.legacy(code, bitcoin_bridge.library_tx(tx), index, hash_type), hash_type)


def segwit_signature(tx: Tx, index: int, code: bytes, value: int, hash_type: int = 1) -> bytes:
    library_tx = bitcoin_bridge.library_tx(tx)
    return ecdsa(sig_hash.segwit_v0(code, library_tx, index, hash_type, value), hash_type)


def taproot_signature(
    tx: Tx, index: int, prevouts: Sequence[TxOut], hash_type: int = 0, leaf: bytes = b""
) -> bytes:
    extension = bitcoin.tapleaf_hash(leaf) + b"\x00" + b"\xff" * 4 if leaf else b""
    digest = sig_hash.taproot(
        bitcoin_bridge.library_tx(tx),
        index,
        bitcoin_bridge.library_outputs(prevouts),
        hash_type,
        1 if leaf else 0,
        b"",
        extension,
    )
    secret = SECRET if leaf else _tweaked(SECRET)
    return bitcoin.schnorr_sign(secret, digest, AUX) + (bytes((hash_type,)) if hash_type else b"")


def _tweaked(secret: bytes) -> bytes:
    """The secret of an output key without a script tree (BIP341)."""
    order = int("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141", 16)
    number = int.from_bytes(secret, "big")
    if bitcoin.pubkey_of(secret)[0] == 3:
        number = order - number
    tweak = int.from_bytes(bitcoin.tagged_hash("TapTweak", bitcoin.xonly_of(secret)), "big")
    return ((number + tweak) % order).to_bytes(32, "big")


def _with(tx: Tx, index: int, script_sig: bytes = b"", *witness: bytes) -> TxIn:
    return msgspec.structs.replace(tx.inputs[index], script_sig=script_sig, witness=witness)


def _p2pkh(tx: Tx, index: int, _: Sequence[TxOut]) -> TxIn:
    signature = legacy_signature(tx, index, HASH_CODE)
    return _with(tx, index, bitcoin.push(signature) + bitcoin.push(PUBKEY))


def _p2wpkh(tx: Tx, index: int, prevouts: Sequence[TxOut]) -> TxIn:
    signature = segwit_signature(tx, index, HASH_CODE, prevouts[index].value)
    return _with(tx, index, b"", signature, PUBKEY)


def _p2sh(tx: Tx, index: int, _: Sequence[TxOut]) -> TxIn:
    signature = legacy_signature(tx, index, KEY_SCRIPT)
    return _with(tx, index, bitcoin.push(signature) + bitcoin.push(KEY_SCRIPT))


def _p2sh_p2wpkh(tx: Tx, index: int, prevouts: Sequence[TxOut]) -> TxIn:
    signature = segwit_signature(tx, index, HASH_CODE, prevouts[index].value)
    return _with(tx, index, bitcoin.push(P2WPKH.script), signature, PUBKEY)


def _p2wsh(tx: Tx, index: int, prevouts: Sequence[TxOut]) -> TxIn:
    signature = segwit_signature(tx, index, KEY_SCRIPT, prevouts[index].value)
    return _with(tx, index, b"", signature, KEY_SCRIPT)


def _p2tr_key(tx: Tx, index: int, prevouts: Sequence[TxOut]) -> TxIn:
    return _with(tx, index, b"", taproot_signature(tx, index, prevouts))


def _p2tr_script(tx: Tx, index: int, prevouts: Sequence[TxOut]) -> TxIn:
    signature = taproot_signature(tx, index, prevouts, leaf=LEAF)
    return _with(tx, index, b"", signature, LEAF, CONTROL)


def _hash_script(script: bytes) -> bytes:
    return b"\xa9\x14" + bitcoin.hash160(script) + b"\x87"


CONTROL = bytes((bitcoin.LEAF_VERSION_TAPSCRIPT | LEAF_PARITY,)) + INTERNAL
P2WPKH = Lock(name="p2wpkh", script=bitcoin.p2wpkh_script(PUBKEY), sign=_p2wpkh)
P2PKH = Lock(name="p2pkh", script=HASH_CODE, sign=_p2pkh)
P2SH = Lock(name="p2sh", script=_hash_script(KEY_SCRIPT), sign=_p2sh)
NESTED = Lock(name="p2sh-p2wpkh", script=_hash_script(P2WPKH.script), sign=_p2sh_p2wpkh)
P2WSH = Lock(
    name="p2wsh",
    script=b"\x00\x20" + coincurve.utils.sha256(KEY_SCRIPT),
    sign=_p2wsh,
)
P2TR_KEY = Lock(
    name="p2tr-key", script=b"\x51\x20" + bitcoin.xonly_of(_tweaked(SECRET)), sign=_p2tr_key
)
P2TR_SCRIPT = Lock(name="p2tr-script", script=b"\x51\x20" + LEAF_KEY, sign=_p2tr_script)
LOCKS = (P2PKH, P2WPKH, P2SH, NESTED, P2WSH, P2TR_KEY, P2TR_SCRIPT)
ADDRESS = bitcoin.script_to_address(P2WPKH.script) or ""


class Coin(msgspec.Struct, frozen=True, kw_only=True):
    """An output that can be spent."""

    place: OutPoint
    output: TxOut
    lock: Lock


def coins_of(tx: Tx) -> list[Coin]:
    """The outputs of a transaction whose locks are known here."""
    by_script = {lock.script: lock for lock in LOCKS}
    return [
        Coin(place=OutPoint(txid=tx.txid, vout=vout), output=output, lock=by_script[output.script])
        for vout, output in enumerate(tx.outputs)
        if output.script in by_script
    ]


def signed(tx: Tx, coins: Sequence[Coin]) -> Tx:
    """A transaction whose inputs spend these coins, with each input signed."""
    prevouts = [coin.output for coin in coins]
    inputs = tuple(coin.lock.sign(tx, index, prevouts) for index, coin in enumerate(coins))
    return msgspec.structs.replace(tx, inputs=inputs)


def spending(
    coins: Sequence[Coin],
    outputs: Sequence[TxOut] = (),
    *,
    fee: int = 10_000,
    version: int = 2,
    locktime: int = 0,
    sequence: int = 0xFFFFFFFE,
) -> Tx:
    """A signed transaction; without ``outputs`` all goes to P2WPKH but for the fee."""
    value = sum(coin.output.value for coin in coins) - fee
    paid = tuple(outputs) or (TxOut(value=value, script=P2WPKH.script),)
    inputs = tuple(TxIn(outpoint=coin.place, sequence=sequence) for coin in coins)
    tx = Tx(version=version, inputs=inputs, outputs=paid, locktime=locktime)
    return signed(tx, coins)


def fanned_out(coin: Coin, fee: int = 10_000, version: int = 2) -> Tx:
    """A transaction that divides a coin among all locks."""
    each = (coin.output.value - fee) // len(LOCKS)
    outputs = tuple(TxOut(value=each, script=lock.script) for lock in LOCKS)
    return spending((coin,), outputs, version=version)
