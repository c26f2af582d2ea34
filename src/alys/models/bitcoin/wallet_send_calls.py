"""The calls that pay out of a wallet and that sign with its keys. Each raises RpcError as bitcoind does."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from alys.models.bitcoin import raw_calls, state, wallet_spend
from alys.models.bitcoin.calls import Call, field, hash_of, money_of, transaction_of
from alys.models.bitcoin.rules import Rejected
from alys.models.bitcoin.signing import sighash_of
from alys.models.bitcoin.wallet import Note
from alys.models.bitcoin.wallet_calls import Opened, table
from alys.models.bitcoin.wallet_spend import FALLBACK_SATS_PER_KVB, Payment, Plan
from alys.models.bitcoin.wallets import WALLET_ERROR
from alys.wire import bitcoin
from alys.wire.bitcoin import OutPoint, Tx, TxOut, amount_of
from alys.wire.jsonrpc import RpcError

SATS_PER_KVB = 1000
"""A fee rate of one sat per virtual byte."""


def sendtoaddress(
    at: Opened,
    address: str,
    amount: float | str,
    comment: str = "",
    comment_to: str = "",
    subtractfeefromamount: bool = False,
    replaceable: bool | None = None,
    conf_target: int | None = None,
    estimate_mode: str = "unset",
    avoid_reuse: bool | None = None,
    fee_rate: float | str | None = None,
    verbose: bool = False,
) -> str | dict[str, Any]:
    """Pay one address."""
    _check_private(at)
    plan = Plan(
        outputs=(_output(address, amount),),
        subtract=(0,) if subtractfeefromamount else (),
        rate=_rate(fee_rate),
        replaceable=replaceable is not False,
    )
    txid = _sent(at, wallet_spend.plan_payment(at.node, at.wallet, plan), comment, comment_to)
    return {"txid": txid, "fee_reason": "Fallback fee"} if verbose else txid


def sendmany(
    at: Opened,
    dummy: str | None,
    amounts: dict[str, Any],
    minconf: int | None = None,
    comment: str = "",
    subtractfeefrom: list[Any] | None = None,
    replaceable: bool | None = None,
    conf_target: int | None = None,
    estimate_mode: str = "unset",
    fee_rate: float | str | None = None,
    verbose: bool = False,
) -> str | dict[str, Any]:
    """Pay several addresses at once."""
    if dummy:
        raise RpcError(state.INVALID_PARAMETER, 'Dummy value must be set to ""')
    _check_private(at)
    outputs = tuple(_output(address, amount) for address, amount in amounts.items())
    named = [str(one) for one in subtractfeefrom or ()]
    bearing = [place for place, address in enumerate(amounts) if address in named]
    plan = Plan(
        outputs=outputs,
        subtract=tuple(bearing),
        rate=_rate(fee_rate),
        replaceable=replaceable is not False,
    )
    txid = _sent(at, wallet_spend.plan_payment(at.node, at.wallet, plan), comment, "")
    return {"txid": txid, "fee_reason": "Fallback fee"} if verbose else txid


def send(
    at: Opened,
    outputs: list[Any] | dict[str, Any],
    conf_target: int | None = None,
    estimate_mode: str = "unset",
    fee_rate: float | str | None = None,
    options: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Pay addresses and data, with inputs and change as the options want them."""
    wanted = options or {}
    plan = _plan(outputs, {**wanted, **({} if fee_rate is None else {"fee_rate": fee_rate})})
    payment = wallet_spend.plan_payment(at.node, at.wallet, plan)
    _lock(at, payment, plan)
    if wanted.get("add_to_wallet") is False:
        signed = _signed(at, payment.tx)
        return {"complete": True, "txid": signed.txid, "hex": signed.serialize().hex()}
    return {"txid": _sent(at, payment, "", ""), "complete": True}


def _plan(outputs: Sequence[Any] | Mapping[str, Any], options: Mapping[str, Any]) -> Plan:
    """A plan from the options that ``send`` and ``fundrawtransaction`` share."""
    replaceable = field(options, "replaceable", bool)
    locktime = field(options, "locktime", int)
    made = raw_calls.built(field(options, "inputs", list, []), outputs, locktime or 0, replaceable)
    return Plan(
        outputs=made.outputs,
        inputs=made.inputs,
        add_inputs=field(options, "add_inputs", bool, not made.inputs),
        locktime=locktime,
        replaceable=replaceable is not False,
        **_common(options, len(made.outputs)),
    )


def _common(options: Mapping[str, Any], outputs: int) -> dict[str, Any]:
    address = _either(options, "change_address", "changeAddress", str)
    script = b""
    if address is not None:
        try:
            script = bitcoin.address_to_script(address)
        except bitcoin.BadAddress:
            told = "Change address must be a valid bitcoin address"
            raise RpcError(state.NOT_FOUND, told) from None
    place = _either(options, "change_position", "changePosition", int)
    if place is not None and not 0 <= place <= outputs:
        raise RpcError(state.INVALID_PARAMETER, "changePosition out of bounds")
    rate = _rate(options.get("fee_rate"))
    if options.get("feeRate") is not None:
        rate = money_of(options["feeRate"])
    return {
        "change_script": script,
        "change_place": place,
        "rate": rate,
        "subtract": _bearing(options, outputs),
        "include_unsafe": field(options, "include_unsafe", bool, False),
        "lock": bool(_either(options, "lock_unspents", "lockUnspents", bool)),
    }


def _either(options: Mapping[str, Any], name: str, old: str, kind: type) -> Any:
    """An option by its name, or by the one that it had before."""
    found = field(options, name, kind)
    return field(options, old, kind) if found is None else found


def _bearing(options: Mapping[str, Any], outputs: int) -> tuple[int, ...]:
    """The outputs that bear the fee."""
    given = _either(options, "subtract_fee_from_outputs", "subtractFeeFromOutputs", list) or []
    places: list[int] = []
    for place in given:
        told = ""
        if type(place) is not int or place < 0:
            told = f"Invalid parameter, negative position: {place}"
        elif place in places:
            told = f"Invalid parameter, duplicated position: {place}"
        elif place >= outputs:
            told = f"Invalid parameter, position too large: {place}"
        if told:
            raise RpcError(state.INVALID_PARAMETER, told)
        places.append(place)
    return tuple(places)


def fundrawtransaction(
    at: Opened,
    hexstring: str,
    options: dict[str, Any] | None = None,
    iswitness: bool | None = None,
) -> dict[str, Any]:
    """Add inputs and change to a transaction so that it pays for itself; it is not signed."""
    tx = _outputs_alone(hexstring)
    wanted = options or {}
    plan = Plan(
        outputs=tx.outputs,
        inputs=tx.inputs,
        add_inputs=field(wanted, "add_inputs", bool, True),
        locktime=tx.locktime,
        replaceable=field(wanted, "replaceable", bool) is not False,
        **_common(wanted, len(tx.outputs)),
    )
    payment = wallet_spend.plan_payment(at.node, at.wallet, plan)
    _lock(at, payment, plan)
    made = msgspec.structs.replace(payment.tx, version=tx.version)
    return {
        "hex": made.serialize().hex(),
        "fee": amount_of(payment.fee),
        "changepos": payment.change,
    }


def _outputs_alone(hexstring: str) -> Tx:
    """A transaction that may have no inputs, which the witness format cannot say."""
    try:
        return bitcoin.parse_bare_tx(bytes.fromhex(hexstring))
    except (ValueError, bitcoin.MalformedBitcoin):
        pass
    try:
        return bitcoin.parse_tx(bytes.fromhex(hexstring))
    except (ValueError, bitcoin.MalformedBitcoin):
        raise RpcError(state.DESERIALIZATION_ERROR, "TX decode failed") from None


def _lock(at: Opened, payment: Payment, plan: Plan) -> None:
    if plan.lock:
        at.wallet.locked.update(txin.outpoint for txin in payment.tx.inputs)


def signrawtransactionwithwallet(
    at: Opened,
    hexstring: str,
    prevtxs: list[Any] | None = None,
    sighashtype: str = "DEFAULT",
) -> dict[str, Any]:
    """Sign what the wallet can."""
    tx = transaction_of(hexstring)
    coins = _coins(at, tx)
    raw_calls.named_coins(prevtxs or (), coins)
    hash_type = sighash_of(sighashtype)
    return raw_calls.shown_signed(wallet_spend.signed_by(at.wallet, tx, coins, hash_type))


def signmessage(at: Opened, address: str, message: str) -> str:
    """A text signed by the key of a legacy address of the wallet, in base64."""
    try:
        script = bitcoin.address_to_script(address)
    except bitcoin.BadAddress:
        raise RpcError(state.NOT_FOUND, "Invalid address") from None
    if bitcoin.script_type(script) != "pubkeyhash":
        raise RpcError(state.TYPE_ERROR, "Address does not refer to key")
    secret = None
    if at.wallet.is_mine(script):
        secret = at.wallet.output(script).keys[0].secret
    if secret is None:
        raise RpcError(WALLET_ERROR, "Private key not available")
    return bitcoin.sign_message(secret, message)


def abandontransaction(at: Opened, txid: str) -> None:
    """Give up a transaction that is neither confirmed nor in the mempool; its coins may be spent again."""
    record = at.wallet.records.get(hash_of(txid, "txid"))
    if record is None:
        raise RpcError(state.NOT_FOUND, "Invalid or non-wallet transaction id")
    if at.wallet.depth(record) != 0 or record.tx.txid in at.node.mempool.waiting:
        raise RpcError(state.NOT_FOUND, "Transaction not eligible for abandonment")
    at.wallet.notes.setdefault(record.tx.txid, Note()).abandoned = True


def _check_private(at: Opened) -> None:
    if not at.wallet.private_keys:
        raise RpcError(WALLET_ERROR, "Error: Private keys are disabled for this wallet")


def _output(address: str, amount: object) -> TxOut:
    try:
        script = bitcoin.address_to_script(address)
    except bitcoin.BadAddress:
        raise RpcError(state.NOT_FOUND, f"Invalid Bitcoin address: {address}") from None
    return TxOut(value=money_of(amount), script=script)


def _rate(fee_rate: object) -> int:
    """Sats per 1000 virtual bytes of a rate in sats per virtual byte; the fallback where there is none."""
    if fee_rate is None:
        return FALLBACK_SATS_PER_KVB
    try:
        rate = float(str(fee_rate))
    except ValueError:
        raise RpcError(state.TYPE_ERROR, "Invalid amount") from None
    if not 0 <= rate < 10**8:
        raise RpcError(state.TYPE_ERROR, "Amount out of range")
    return int(rate * SATS_PER_KVB)


def _coins(at: Opened, tx: Tx) -> dict[OutPoint, TxOut]:
    return {place: coin.output for place, coin in at.node.mempool.coins_of(tx).items()}


def _signed(at: Opened, tx: Tx) -> Tx:
    signed = wallet_spend.signed_by(at.wallet, tx, _coins(at, tx))
    if signed.errors:
        raise RpcError(WALLET_ERROR, "Signing transaction failed")
    return signed.tx


def _sent(at: Opened, payment: Payment, comment: str, to: str) -> str:
    """Sign a payment, send it and put it on record."""
    tx = _signed(at, payment.tx)
    try:
        at.node.mempool.add(tx, int(at.node.now()))
    except Rejected as error:
        raise RpcError(WALLET_ERROR, f"Transaction was rejected: {error}") from error
    at.node.unbroadcast.add(tx.txid)
    at.wallet.keep(tx, comment=comment, to=to)
    return tx.txid


CALLS: dict[str, Call] = table(
    abandontransaction,
    fundrawtransaction,
    send,
    sendmany,
    sendtoaddress,
    signmessage,
    signrawtransactionwithwallet,
)
