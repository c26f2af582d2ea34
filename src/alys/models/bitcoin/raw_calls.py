"""The calls that make, read and sign transactions outside of any wallet. Each raises RpcError as bitcoind does."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from alys.models.bitcoin import state, views
from alys.models.bitcoin.calls import (
    Call,
    check_vout,
    field,
    hash_of,
    money_of,
    table,
    transaction_of,
)
from alys.models.bitcoin.signing import Signed, sighash_of, sign_all
from alys.models.bitcoin.state import NodeState
from alys.wire import bitcoin
from alys.wire.bitcoin import OutPoint, Tx, TxIn, TxOut
from alys.wire.jsonrpc import RpcError

SEQUENCE_FINAL = 0xFFFFFFFF
SEQUENCE_LOCKTIME = 0xFFFFFFFE
SEQUENCE_REPLACEABLE = 0xFFFFFFFD
UINT32_MAX = 0xFFFFFFFF
UNKNOWN_SATS = 21_000_000 * 10**8 - 1
"""The value of an output that a caller tells of without one."""
COIN_FIELDS = (("txid", str, "string"), ("vout", int, "number"), ("scriptPubKey", str, "string"))


def createrawtransaction(
    node: NodeState,
    inputs: list[Any],
    outputs: list[Any] | dict[str, Any],
    locktime: int = 0,
    replaceable: bool | None = None,
) -> str:
    """An unsigned transaction."""
    return built(inputs, outputs, locktime, replaceable).serialize().hex()


def built(
    inputs: Sequence[Any],
    outputs: Sequence[Any] | Mapping[str, Any],
    locktime: int,
    replaceable: bool | None,
) -> Tx:
    """The transaction that these parameters mean; raises RpcError."""
    if not 0 <= locktime <= UINT32_MAX:
        raise RpcError(state.INVALID_PARAMETER, "Invalid parameter, locktime out of range")
    sequence = SEQUENCE_FINAL
    if replaceable or replaceable is None:
        sequence = SEQUENCE_REPLACEABLE
    elif locktime:
        sequence = SEQUENCE_LOCKTIME
    if not isinstance(inputs, Sequence) or isinstance(inputs, str):
        told = f"JSON value of type {_kind(inputs)} is not of expected type array"
        raise RpcError(state.TYPE_ERROR, told)
    made = tuple(_input(item, sequence) for item in inputs)
    tx = Tx(inputs=made, outputs=tuple(outputs_of(outputs)), locktime=locktime)
    signals = any(txin.sequence <= SEQUENCE_REPLACEABLE for txin in made)
    if replaceable and made and not signals:
        told = "Invalid parameter combination: Sequence number(s) contradict replaceable option"
        raise RpcError(state.INVALID_PARAMETER, told)
    return tx


def _input(item: object, sequence: int) -> TxIn:
    if not isinstance(item, dict):
        told = f"JSON value of type {_kind(item)} is not of expected type object"
        raise RpcError(state.TYPE_ERROR, told)
    txid = item.get("txid")
    if not isinstance(txid, str):
        told = f"JSON value of type {_kind(txid)} is not of expected type string"
        raise RpcError(state.TYPE_ERROR, told)
    name = hash_of(txid, "txid")
    vout = item.get("vout")
    if not isinstance(vout, int) or isinstance(vout, bool):
        raise RpcError(state.INVALID_PARAMETER, "Invalid parameter, missing vout key")
    check_vout(vout)
    wanted = item.get("sequence")
    if isinstance(wanted, int):
        if not 0 <= wanted <= SEQUENCE_FINAL:
            told = "Invalid parameter, sequence number is out of range"
            raise RpcError(state.INVALID_PARAMETER, told)
        sequence = wanted
    return TxIn(outpoint=OutPoint(txid=name, vout=vout), sequence=sequence)


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "bool", int: "number", float: "number", str: "string"}
    return names.get(type(value), "array" if isinstance(value, list) else "object")


def outputs_of(outputs: Sequence[Any] | Mapping[str, Any]) -> list[TxOut]:
    """Outputs by address and data, as an object or as a list of objects with one key each; raises RpcError."""
    pairs: list[tuple[str, Any]] = []
    if isinstance(outputs, Mapping):
        pairs = list(outputs.items())
    else:
        for item in outputs:
            if not isinstance(item, dict):
                told = "Invalid parameter, key-value pair not an object as expected"
                raise RpcError(state.INVALID_PARAMETER, told)
            if len(item) != 1:
                told = "Invalid parameter, key-value pair must contain exactly one key"
                raise RpcError(state.INVALID_PARAMETER, told)
            pairs.extend(item.items())
    made, seen = [], set()
    for name, value in pairs:
        if name == "data":
            if "data" in seen:
                raise RpcError(state.INVALID_PARAMETER, "Invalid parameter, duplicate key: data")
            seen.add("data")
            made.append(TxOut(value=0, script=_data_script(value)))
            continue
        try:
            script = bitcoin.address_to_script(name)
        except bitcoin.BadAddress:
            raise RpcError(state.NOT_FOUND, f"Invalid Bitcoin address: {name}") from None
        if script.hex() in seen:
            told = f"Invalid parameter, duplicated address: {name}"
            raise RpcError(state.INVALID_PARAMETER, told)
        seen.add(script.hex())
        made.append(TxOut(value=money_of(value), script=script))
    return made


def _data_script(value: object) -> bytes:
    text = str(value)
    try:
        data = bytes.fromhex(text)
    except ValueError:
        told = f"Data must be hexadecimal string (not '{text}')"
        raise RpcError(state.INVALID_PARAMETER, told) from None
    return bytes((bitcoin.OP_RETURN,)) + bitcoin.push(data)


def combinerawtransaction(node: NodeState, txs: list[Any]) -> str:
    """The signatures of several copies of a transaction on one: of each input the fullest."""
    copies = []
    for place, item in enumerate(txs):
        told = f"TX decode failed for tx {place}."
        copies.append(transaction_of(str(item), told))
    if not copies:
        raise RpcError(state.DESERIALIZATION_ERROR, "Missing transactions")
    first = copies[0]
    inputs = []
    for index, txin in enumerate(first.inputs):
        coin = _coins(node, first).get(txin.outpoint)
        if coin is None:
            raise RpcError(state.VERIFY_ERROR, "Input not found or already spent")
        same = [copy.inputs[index] for copy in copies if len(copy.inputs) > index]
        inputs.append(max(same, key=lambda one: len(one.script_sig) + len(b"".join(one.witness))))
    return msgspec.structs.replace(first, inputs=tuple(inputs)).serialize().hex()


def decodescript(node: NodeState, hexstring: str) -> dict[str, Any]:
    """A script as an object, with the scripts that wrap it."""
    try:
        script = bytes.fromhex(hexstring)
    except ValueError:
        told = f"argument must be hexadecimal string (not '{hexstring}')"
        raise RpcError(state.INVALID_PARAMETER, told) from None
    shown = views.script(script)
    view = {"asm": shown["asm"], "desc": shown["desc"]}
    if "address" in shown:
        view["address"] = shown["address"]
    view["type"] = shown["type"]
    if not _may_be_wrapped(script, shown["type"]):
        return view
    view["p2sh"] = bitcoin.script_to_address(bitcoin.p2sh_script(script))
    if bitcoin.witness_program(script) is None:
        view["segwit"] = _segwit(script, shown["type"])
    return view


def _may_be_wrapped(script: bytes, kind: str) -> bool:
    final = ("nulldata", "scripthash", "witness_unknown", "witness_v1_taproot", "anchor")
    burnt = script[:1] == bytes((bitcoin.OP_RETURN,))
    return kind not in final and not burnt and bitcoin.script_is_valid(script)


def _segwit(script: bytes, kind: str) -> dict[str, Any]:
    if kind == "pubkey":
        inner = bitcoin.p2wpkh_script(script[1:-1])
        descriptor = bitcoin.descriptor_of(inner)
    elif kind == "pubkeyhash":
        inner = b"\x00\x14" + script[3:23]
        descriptor = bitcoin.descriptor_of(inner)
    else:
        inner = bitcoin.p2wsh_script(script)
        descriptor = bitcoin.descriptor_of(inner)
        if kind == "multisig":
            text = bitcoin.descriptor_of(script).partition("#")[0]
            descriptor = bitcoin.with_checksum(f"wsh({text})")
    shown = views.script(inner)
    return {
        "asm": shown["asm"],
        "desc": descriptor,
        "hex": shown["hex"],
        "address": shown["address"],
        "type": shown["type"],
        "p2sh-segwit": bitcoin.script_to_address(bitcoin.p2sh_script(inner)),
    }


def signrawtransactionwithkey(
    node: NodeState,
    hexstring: str,
    privkeys: list[Any],
    prevtxs: list[Any] | None = None,
    sighashtype: str = "DEFAULT",
) -> dict[str, Any]:
    """Sign what these keys can."""
    tx = transaction_of(hexstring)
    secrets = []
    for key in privkeys:
        try:
            secrets.append(bitcoin.parse_wif(str(key)))
        except bitcoin.BadKey:
            raise RpcError(state.NOT_FOUND, "Invalid private key") from None
    coins = _coins(node, tx)
    scripts = named_coins(prevtxs or (), coins)
    signer = bitcoin.signer_of(secrets, scripts)
    hash_type = sighash_of(sighashtype)
    return shown_signed(sign_all(tx, coins, signer, hash_type))


def _coins(node: NodeState, tx: Tx) -> dict[OutPoint, TxOut]:
    return {place: coin.output for place, coin in node.mempool.coins_of(tx).items()}


def named_coins(items: Sequence[Any], coins: dict[OutPoint, TxOut]) -> dict[bytes, bytes]:
    """Add outputs that a caller tells of to ``coins``; returns the scripts that come with them, by what wants them."""
    scripts: dict[bytes, bytes] = {}
    for item in items:
        _check_coin(item)
        place = OutPoint(txid=hash_of(item["txid"], "txid"), vout=item["vout"])
        script = _hex(item["scriptPubKey"], "scriptPubKey")
        known = coins.get(place)
        if known is not None and known.script != script:
            told = f"Previous output scriptPubKey mismatch:\n{bitcoin.script_asm(known.script)}\nvs:\n{bitcoin.script_asm(script)}"
            raise RpcError(state.DESERIALIZATION_ERROR, told)
        value = UNKNOWN_SATS if known is None else known.value
        if "amount" in item:
            value = money_of(item["amount"])
        coins[place] = TxOut(value=value, script=script)
        for name in ("redeemScript", "witnessScript"):
            inner = field(item, name, str, "")
            if inner:
                scripts.update(_wrapped(_hex(inner, name)))
    return scripts


def _check_coin(item: Any) -> None:
    if not isinstance(item, dict):
        told = f"JSON value of type {_kind(item)} is not of expected type object"
        raise RpcError(state.DESERIALIZATION_ERROR, told)
    for name, kind, word in COIN_FIELDS:
        if name not in item:
            raise RpcError(state.TYPE_ERROR, f"Missing {name}")
        if type(item[name]) is not kind:
            told = f"JSON value of type {_kind(item[name])} for field {name} is not of expected type {word}"
            raise RpcError(state.TYPE_ERROR, told)
    if item["vout"] < 0:
        raise RpcError(state.DESERIALIZATION_ERROR, "vout cannot be negative")
    check_vout(item["vout"])


def _wrapped(inner: bytes) -> dict[bytes, bytes]:
    """The scripts that may want this one, each with what it wants."""
    witness = bitcoin.p2wsh_script(inner)
    return {
        bitcoin.p2sh_script(inner): inner,
        witness: inner,
        bitcoin.p2sh_script(witness): witness,
    }


def _hex(value: str, name: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except ValueError:
        told = f"{name} must be hexadecimal string (not '{value}')"
        raise RpcError(state.INVALID_PARAMETER, told) from None


def shown_signed(signed: Signed) -> dict[str, Any]:
    """The object of the signing calls."""
    view: dict[str, Any] = {
        "hex": signed.tx.serialize().hex(),
        "complete": not signed.errors,
    }
    if signed.errors:
        view["errors"] = [
            {
                "txid": signed.tx.inputs[index].outpoint.txid,
                "vout": signed.tx.inputs[index].outpoint.vout,
                "witness": [item.hex() for item in signed.tx.inputs[index].witness],
                "scriptSig": signed.tx.inputs[index].script_sig.hex(),
                "sequence": signed.tx.inputs[index].sequence,
                "error": told,
            }
            for index, told in signed.errors.items()
        ]
    return view


CALLS: dict[str, Call] = table(
    combinerawtransaction,
    createrawtransaction,
    decodescript,
    signrawtransactionwithkey,
)
