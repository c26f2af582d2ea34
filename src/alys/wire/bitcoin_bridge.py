"""The one door to the Bitcoin library's own objects (part of the facade ``wire.bitcoin``; nobody else imports this).

Frozen structs go in, library objects come out, unchecked: the library's engine judges them.
"""

from collections.abc import Sequence

from btclib import hashes
from btclib.exceptions import ScriptError as LibraryScriptError
from btclib.script.script_pub_key import ScriptPubKey
from btclib.script.witness import Witness
from btclib.tx.out_point import OutPoint as LibraryOutPoint
from btclib.tx.tx import Tx as LibraryTx
from btclib.tx.tx_in import TxIn as LibraryTxIn
from btclib.tx.tx_out import TxOut as LibraryTxOut

from alys.wire.bitcoin_codec import Tx, TxOut

__all__ = ["LibraryScriptError", "hash160", "library_outputs", "library_tx"]


def hash160(data: bytes) -> bytes:
    """RIPEMD-160 of SHA-256, also where the machine's OpenSSL has no RIPEMD-160."""
    return hashes.hash160(data)


def library_outputs(outputs: Sequence[TxOut]) -> list[LibraryTxOut]:
    """Outputs for the library."""
    return [
        LibraryTxOut(
            output.value,
            ScriptPubKey(output.script, "regtest", check_validity=False),
            check_validity=False,
        )
        for output in outputs
    ]


def library_tx(tx: Tx) -> LibraryTx:
    """A transaction for the library."""
    inputs = [
        LibraryTxIn(
            LibraryOutPoint(txin.outpoint.txid, txin.outpoint.vout, check_validity=False),
            txin.script_sig,
            txin.sequence,
            Witness(txin.witness, check_validity=False),
            check_validity=False,
        )
        for txin in tx.inputs
    ]
    return LibraryTx(
        tx.version, tx.locktime, inputs, library_outputs(tx.outputs), check_validity=False
    )
