"""All inputs of a transaction under one signer, and what each still lacks, in Core's words."""

from collections.abc import Mapping

import msgspec

from alys.models.bitcoin import state
from alys.wire import bitcoin
from alys.wire.bitcoin import OutPoint, Signer, Tx, TxOut
from alys.wire.jsonrpc import RpcError

NO_AUX = bytes(32)
"""Core's auxiliary bytes for BIP340, so a signature is a function of key and transaction."""


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction signed as far as it goes; ``errors`` by input."""

    tx: Tx
    errors: dict[int, str]


def sighash_of(name: str) -> int:
    """A hash type by its name; raises RpcError -8."""
    if name not in bitcoin.SIGHASH_NAMES:
        told = f"'{name}' is not a valid sighash parameter."
        raise RpcError(state.INVALID_PARAMETER, told)
    return bitcoin.SIGHASH_NAMES[name]


def sign_all(tx: Tx, coins: Mapping[OutPoint, TxOut], signer: Signer, hash_type: int) -> Signed:
    """Sign every input whose coin is known."""
    nothing = TxOut(value=0, script=b"")
    prevouts = [coins.get(txin.outpoint, nothing) for txin in tx.inputs]
    for index, txin in enumerate(tx.inputs):
        if txin.outpoint in coins and not _holds(tx, index, prevouts):
            tx = bitcoin.sign_input(tx, index, prevouts, signer, NO_AUX, hash_type)
    errors = {}
    for index, txin in enumerate(tx.inputs):
        if txin.outpoint not in coins:
            errors[index] = "Input not found or already spent"
            continue
        try:
            bitcoin.verify_input(tx, index, prevouts, policy=True)
        except bitcoin.ScriptError as error:
            errors[index] = _told(error.description)
    return Signed(tx=tx, errors=errors)


def _holds(tx: Tx, index: int, prevouts: list[TxOut]) -> bool:
    try:
        bitcoin.verify_input(tx, index, prevouts, policy=True)
    except bitcoin.ScriptError:
        return False
    return True


def _told(description: str) -> str:
    if description == "Operation not valid with the current stack size":
        return "Unable to sign input, invalid stack size (possibly missing key)"
    return description
