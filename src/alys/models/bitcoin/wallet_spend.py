"""Payments out of a wallet: coins chosen, change added, inputs signed.

Choice is by value, the greatest first, until outputs and fee are paid; change stands last. The real node draws lots for
both; here the same wallet at the same time pays with the same coins. The fee rate is the caller's or the fallback, as
there are no statistics on regtest.
"""

from collections.abc import Mapping, Sequence

import msgspec

from alys.models.bitcoin.signing import Signed, sign_all
from alys.models.bitcoin.state import NodeState
from alys.models.bitcoin.wallet import OwnCoin, Wallet
from alys.models.bitcoin.wallets import WALLET_ERROR
from alys.wire import bitcoin
from alys.wire.bitcoin import OutPoint, Tx, TxIn, TxOut
from alys.wire.jsonrpc import RpcError

INSUFFICIENT_FUNDS = -6
FALLBACK_SATS_PER_KVB = 10_000
SIGNATURE_BYTES_MAX = 71
"""In DER, with a low R, with its hash type."""
SEQUENCE_REPLACEABLE = 0xFFFFFFFD
SEQUENCE_LOCKTIME = 0xFFFFFFFE
_CHANGE_KINDS = {
    "witness_v1_taproot": "bech32m",
    "witness_v0_keyhash": "bech32",
    "scripthash": "p2sh-segwit",
    "pubkeyhash": "legacy",
}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to pay and how. ``subtract`` are the outputs that bear the fee; ``rate`` is in sats per 1000 virtual bytes."""

    outputs: tuple[TxOut, ...]
    inputs: tuple[TxIn, ...] = ()
    subtract: tuple[int, ...] = ()
    rate: int = FALLBACK_SATS_PER_KVB
    locktime: int | None = None
    replaceable: bool = True
    add_inputs: bool = True
    change_script: bytes = b""
    change_place: int | None = None
    min_depth: int = 0
    include_unsafe: bool = False
    lock: bool = False


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment, not signed; ``change`` is the place of the change, -1 for none."""

    tx: Tx
    fee: int
    change: int


def plan_payment(node: NodeState, wallet: Wallet, plan: Plan) -> Payment:
    """Choose coins and add change; raises RpcError -6 or -4."""
    if not plan.outputs:
        raise RpcError(INSUFFICIENT_FUNDS, "Transaction must have at least one recipient")
    for place, output in enumerate(plan.outputs):
        if place not in plan.subtract and _is_dust(output):
            raise RpcError(INSUFFICIENT_FUNDS, "Transaction amount too small")
    wanted = sum(output.value for output in plan.outputs)
    chosen = _named(node, wallet, plan)
    spare = _spare(wallet, plan, {place for place, _ in chosen})
    change = plan.change_script or _change_script(wallet, plan)
    while True:
        payment = _balanced(node, wallet, plan, chosen, change, wanted)
        if payment is not None:
            return payment
        if not spare:
            raise RpcError(INSUFFICIENT_FUNDS, "Insufficient funds")
        coin = spare.pop(0)
        chosen.append((coin.place, coin.output))


def _is_dust(output: TxOut) -> bool:
    if output.script[:1] == bytes((bitcoin.OP_RETURN,)):
        return False
    return output.value < bitcoin.dust_threshold_sats(output.script)


def _named(node: NodeState, wallet: Wallet, plan: Plan) -> list[tuple[OutPoint, TxOut]]:
    """The coins of the inputs that the caller chose."""
    found = []
    for txin in plan.inputs:
        place = txin.outpoint
        coin = node.chain.coins.get(place) or node.mempool.coin(place)
        if coin is None:
            told = f"Insufficient funds: input {place.label} is not known"
            raise RpcError(WALLET_ERROR, told)
        found.append((place, coin.output))
    return found


def _spare(wallet: Wallet, plan: Plan, taken: set[OutPoint]) -> list[OwnCoin]:
    """The coins that may be added, the greatest first, those of the mempool last."""
    if not plan.add_inputs:
        return []
    coins = [
        coin
        for coin in wallet.coins()
        if coin.mature
        and (coin.trusted or plan.include_unsafe)
        and coin.depth >= plan.min_depth
        and coin.place not in wallet.locked
        and coin.place not in taken
    ]
    return sorted(coins, key=lambda coin: (coin.depth == 0, -coin.output.value, coin.place))


def _change_script(wallet: Wallet, plan: Plan) -> bytes:
    """A script for change of the kind of an output, so that it does not stand out."""
    kinds = {_CHANGE_KINDS.get(bitcoin.script_type(out.script), "") for out in plan.outputs}
    order = [kind for kind in _CHANGE_KINDS.values() if kind in kinds]
    for kind in (*order, "bech32m", "bech32", "legacy", "p2sh-segwit"):
        pool = wallet.active(kind, internal=True)
        if pool is not None:
            return pool.descriptor.outputs(pool.next)[0].script
    return b""


def _balanced(
    node: NodeState,
    wallet: Wallet,
    plan: Plan,
    chosen: Sequence[tuple[OutPoint, TxOut]],
    change: bytes,
    wanted: int,
) -> Payment | None:
    """The payment with these coins; None when they are too few."""
    if not chosen:
        return None
    paid_in = sum(coin.value for _, coin in chosen)
    bare = _built(node, plan, chosen, ())
    fee = _fee(wallet, bare, chosen, plan.rate)
    rest = paid_in - wanted - (0 if plan.subtract else fee)
    if rest < 0:
        return None
    if change:
        with_change = _built(node, plan, chosen, (TxOut(value=rest, script=change),))
        more = _fee(wallet, with_change, chosen, plan.rate)
        left = paid_in - wanted - (0 if plan.subtract else more)
        kept = TxOut(value=left, script=change)
        if left > 0 and not _is_dust(kept):
            tx = _built(node, plan, chosen, (kept,), more if plan.subtract else 0)
            _take_change(wallet, plan, change)
            return Payment(tx=tx, fee=more, change=_place(plan, tx))
    if plan.subtract:
        return Payment(tx=_built(node, plan, chosen, (), fee - rest), fee=fee, change=-1)
    return Payment(tx=bare, fee=paid_in - wanted, change=-1)


def _take_change(wallet: Wallet, plan: Plan, script: bytes) -> None:
    pool = wallet.pool_of(script)
    if not plan.change_script and pool is not None:
        pool.take()


def _place(plan: Plan, tx: Tx) -> int:
    last = len(tx.outputs) - 1
    return last if plan.change_place is None else min(plan.change_place, last)


def _built(
    node: NodeState,
    plan: Plan,
    chosen: Sequence[tuple[OutPoint, TxOut]],
    change: tuple[TxOut, ...],
    subtracted: int = 0,
) -> Tx:
    sequence = SEQUENCE_REPLACEABLE if plan.replaceable else SEQUENCE_LOCKTIME
    named = {txin.outpoint: txin for txin in plan.inputs}
    inputs = tuple(
        named.get(place) or TxIn(outpoint=place, sequence=sequence) for place, _ in chosen
    )
    outputs = list(_lowered(plan, subtracted))
    if change:
        place = len(outputs) if plan.change_place is None else plan.change_place
        outputs.insert(place, change[0])
    locktime = node.chain.tip.height if plan.locktime is None else plan.locktime
    return Tx(inputs=inputs, outputs=tuple(outputs), locktime=locktime)


def _lowered(plan: Plan, fee: int) -> Sequence[TxOut]:
    """The outputs, less the fee in equal parts where they bear it; the first of those bears what is left over."""
    if not plan.subtract or not fee:
        return plan.outputs
    share, left = divmod(fee, len(plan.subtract))
    lowered = []
    for place, output in enumerate(plan.outputs):
        value = output.value
        if place in plan.subtract:
            value -= share + (left if place == plan.subtract[0] else 0)
        lowered.append(TxOut(value=value, script=output.script))
        if place in plan.subtract and (value < 0 or _is_dust(lowered[-1])):
            told = "The transaction amount is too small to send after the fee has been deducted"
            if value < 0:
                told = "The transaction amount is too small to pay the fee"
            raise RpcError(INSUFFICIENT_FUNDS, told)
    return lowered


def _fee(wallet: Wallet, tx: Tx, chosen: Sequence[tuple[OutPoint, TxOut]], rate: int) -> int:
    """What this transaction pays once it is signed, with signatures as long as they can come out."""
    signed = signed_by(wallet, tx, dict(chosen)).tx
    weight = signed.weight + sum(_spare_weight(txin) for txin in signed.inputs)
    vsize = -(-weight // bitcoin.WITNESS_SCALE_FACTOR)
    return -(-rate * vsize // 1000)


def _spare_weight(txin: TxIn) -> int:
    """How much heavier an input could be if another signature were made for it: a few bytes depend on chance."""
    spare = sum(SIGNATURE_BYTES_MAX - len(item) for item in txin.witness if _is_ecdsa(item))
    first = txin.script_sig[1 : 1 + txin.script_sig[0]] if txin.script_sig else b""
    if _is_ecdsa(first):
        spare += (SIGNATURE_BYTES_MAX - len(first)) * bitcoin.WITNESS_SCALE_FACTOR
    return spare


def _is_ecdsa(item: bytes) -> bool:
    return item[:1] == b"\x30" and 9 <= len(item) <= SIGNATURE_BYTES_MAX


def signed_by(
    wallet: Wallet, tx: Tx, coins: Mapping[OutPoint, TxOut], hash_type: int = 0
) -> Signed:
    """Sign what the wallet can."""
    signer = wallet.signer({coin.script for coin in coins.values()})
    return sign_all(tx, coins, signer, hash_type)
