"""The calls about transactions and the mempool. Each raises RpcError as bitcoind does."""

from typing import Any

from alys.models.bitcoin import block_views, packages, state, views
from alys.models.bitcoin.calls import Call, hash_of, money_of, table, transaction_of
from alys.models.bitcoin.chainstate import Entry
from alys.models.bitcoin.rules import Missing, Rejected
from alys.models.bitcoin.state import NodeState
from alys.wire import bitcoin
from alys.wire.bitcoin import OutPoint, Tx
from alys.wire.jsonrpc import RpcError

DEFAULT_MAX_FEE_RATE = "0.10"
"""In coins per 1000 virtual bytes; 0 is no limit."""

ONE_COIN = 100_000_000
PACKAGE_MAX = 25
NO_SUCH_TRANSACTION = "Use gettransaction for wallet transactions."
BARE, FEE, PREVOUTS = 0, 1, 2
"""getrawtransaction's verbosity: the hex, the object, the object with fee and what it spends."""


def getrawtransaction(
    node: NodeState, txid: str, verbosity: int | bool = BARE, blockhash: str | None = None
) -> dict[str, Any] | str:
    """A transaction of the mempool or of the best chain (the node keeps an index), or of the block named."""
    name = hash_of(txid, "parameter 1")
    if name == node.chain.active[0].block.txs[0].txid:
        raise RpcError(
            state.NOT_FOUND,
            "The genesis block coinbase is not considered an ordinary transaction and cannot be retrieved",
        )
    tx, entry = _look_up(node, name, blockhash)
    if int(verbosity) <= BARE:
        return tx.serialize().hex()
    view: dict[str, Any] = {}
    if blockhash is not None and entry is not None:
        view["in_active_chain"] = node.chain.is_active(entry)
    deep = int(verbosity) >= PREVOUTS
    coins = dict(entry.spent) if deep and entry is not None else None
    view.update(views.transaction(tx, coins, prevouts=deep))
    if entry is not None:
        view.update(blockhash=entry.hash, confirmations=0)
        if node.chain.is_active(entry):
            time = entry.block.header.time
            depth = block_views.confirmations(node.chain, entry)
            view.update(confirmations=depth, time=time, blocktime=time)
    return view


def _look_up(node: NodeState, txid: str, blockhash: str | None) -> tuple[Tx, Entry | None]:
    if blockhash is None:
        found = node.find(txid)
        if found is None:
            told = f"No such mempool or blockchain transaction. {NO_SUCH_TRANSACTION}"
            raise RpcError(state.NOT_FOUND, told)
        return found
    entry = node.chain.index.get(hash_of(blockhash, "parameter 3"))
    if entry is None:
        raise RpcError(state.NOT_FOUND, "Block hash not found")
    for tx in entry.block.txs:
        if tx.txid == txid:
            return tx, entry
    told = f"No such transaction found in the provided block. {NO_SUCH_TRANSACTION}"
    raise RpcError(state.NOT_FOUND, told)


def decoderawtransaction(
    node: NodeState, hexstring: str, iswitness: bool | None = None
) -> dict[str, Any]:
    """A transaction in hex as an object."""
    try:
        tx = bitcoin.parse_tx(bytes.fromhex(hexstring))
    except (ValueError, bitcoin.MalformedBitcoin):
        raise RpcError(state.DESERIALIZATION_ERROR, "TX decode failed") from None
    if iswitness is False and any(txin.witness for txin in tx.inputs):
        raise RpcError(state.DESERIALIZATION_ERROR, "TX decode failed")
    return views.transaction(tx, hex_too=False)


def sendrawtransaction(
    node: NodeState,
    hexstring: str,
    maxfeerate: float | str = DEFAULT_MAX_FEE_RATE,
    maxburnamount: float | str = 0,
) -> str:
    """Take a transaction into the mempool; one that waits there already is no error."""
    burnt_most, rate_most = money_of(maxburnamount), fee_rate_of(maxfeerate)
    tx = transaction_of(hexstring)
    _check_burn(tx, burnt_most)
    places = [OutPoint(txid=tx.txid, vout=n) for n in range(len(tx.outputs))]
    if any(place in node.chain.coins for place in places):
        raise RpcError(state.ALREADY_IN_UTXO_SET, "Transaction outputs already in utxo set")
    if tx.txid in node.mempool.waiting:
        return tx.txid
    try:
        entry = node.mempool.check(tx)
        if packages.exceeds(entry, rate_most):
            told = "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)"
            raise RpcError(state.VERIFY_ERROR, told)
        node.mempool.add(tx, int(node.now()))
        node.unbroadcast.add(tx.txid)
    except Missing as error:
        raise RpcError(state.VERIFY_ERROR, error.reason) from error
    except Rejected as error:
        raise RpcError(state.VERIFY_REJECTED, str(error)) from error
    return tx.txid


def fee_rate_of(value: float | str) -> int:
    """A fee rate that a caller gave in coins per 1000 virtual bytes, in sats; raises RpcError -3 or -8."""
    rate = money_of(value)
    if rate >= ONE_COIN:
        told = "Fee rates larger than or equal to 1BTC/kvB are not accepted"
        raise RpcError(state.INVALID_PARAMETER, told)
    return rate


def _check_burn(tx: Tx, most: int) -> None:
    for output in tx.outputs:
        if output.script[:1] == bytes((bitcoin.OP_RETURN,)) and output.value > most:
            told = "Unspendable output exceeds maximum configured by user (maxburnamount)"
            raise RpcError(state.VERIFY_ERROR, told)


def would_accept(
    node: NodeState, rawtxs: list[Any], maxfeerate: float | str = DEFAULT_MAX_FEE_RATE
) -> list[dict[str, Any]]:
    """testmempoolaccept: whether ``sendrawtransaction`` would take a transaction, or several after each other."""
    if not 1 <= len(rawtxs) <= PACKAGE_MAX:
        told = f"Array must contain between 1 and {PACKAGE_MAX} transactions."
        raise RpcError(state.INVALID_PARAMETER, told)
    rate_most = fee_rate_of(maxfeerate)
    txs = [_raw(item) for item in rawtxs]
    if len(txs) > 1:
        return packages.judged(node, txs, rate_most)
    return [packages.judgement(node.mempool, txs[0], rate_most)]


def _raw(item: object) -> Tx:
    if not isinstance(item, str):
        kind = "number" if isinstance(item, int | float) else "object"
        told = f"JSON value of type {kind} is not of expected type string"
        raise RpcError(state.TYPE_ERROR, told)
    return transaction_of(item, f"TX decode failed: {item}")


def submitpackage(
    node: NodeState,
    package: list[Any],
    maxfeerate: float | str = DEFAULT_MAX_FEE_RATE,
    maxburnamount: float | str = 0,
) -> dict[str, Any]:
    """Take a child and its parents into the mempool, each by itself: a child does not pay for its parents here."""
    if not 1 <= len(package) <= PACKAGE_MAX:
        told = f"Array must contain between 1 and {PACKAGE_MAX} transactions."
        raise RpcError(state.INVALID_PARAMETER, told)
    burnt_most, rate_most = money_of(maxburnamount), fee_rate_of(maxfeerate)
    txs = [_raw(item) for item in package]
    for tx in txs:
        _check_burn(tx, burnt_most)
    return packages.submitted(node, txs, rate_most)


CALLS: dict[str, Call] = {
    **table(
        decoderawtransaction,
        getrawtransaction,
        sendrawtransaction,
        submitpackage,
    ),
    # Under another name in Python: pytest would take the method's own for a test.
    "testmempoolaccept": Call("testmempoolaccept", would_accept),
}
