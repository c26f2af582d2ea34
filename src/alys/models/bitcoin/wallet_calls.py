"""The calls that look into a wallet. Each raises RpcError as bitcoind does."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from alys.models.bitcoin import state, views, wallet_views
from alys.models.bitcoin.calls import Call, hash_of, money_of, place_of
from alys.models.bitcoin.state import NodeState
from alys.models.bitcoin.wallet import OwnCoin, Record, Wallet
from alys.wire import bitcoin
from alys.wire.bitcoin import OutPoint, amount_of
from alys.wire.jsonrpc import RpcError

WALLET_VERSION = 169900
KEYPOOL_SIZE = 1000
"""What Core keeps ready of each descriptor; here keys are made when they are needed."""
CONFIRMATIONS_MAX = 9_999_999
AMOUNTS = (("minimumAmount", 0), ("maximumAmount", 21_000_000))
LABEL_NOT_FOUND = -11
DUMMY = -32


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet on its node: what these calls work on."""

    node: NodeState
    wallet: Wallet


def table(*functions: Callable[..., Any]) -> dict[str, Call]:
    """Calls of a wallet by their functions' names; each is given the wallet that the present call means."""
    return {one.__name__: Call(one.__name__, one, prepare=_opened) for one in functions}


def _opened(node: NodeState) -> Opened:
    return Opened(node=node, wallet=node.wallets.chosen())


def getwalletinfo(at: Opened) -> dict[str, Any]:
    """The wallet at a glance."""
    trusted, pending, immature = at.wallet.balances()
    active = [pool for pool in at.wallet.pools if pool.active]
    inside = sum(1 for pool in active if pool.internal)
    birth = [pool.timestamp for pool in at.wallet.pools]
    return {
        "walletname": at.wallet.name,
        "walletversion": WALLET_VERSION,
        "format": "sqlite",
        "balance": amount_of(trusted),
        "unconfirmed_balance": amount_of(pending),
        "immature_balance": amount_of(immature),
        "txcount": len(at.wallet.records),
        "keypoolsize": KEYPOOL_SIZE * (len(active) - inside),
        "keypoolsize_hd_internal": KEYPOOL_SIZE * inside,
        "paytxfee": amount_of(0),
        "private_keys_enabled": at.wallet.private_keys,
        "avoid_reuse": at.wallet.avoid_reuse,
        "scanning": False,
        "descriptors": True,
        "external_signer": False,
        "blank": at.wallet.blank,
        **({"birthtime": min(birth)} if birth else {}),
        "lastprocessedblock": wallet_views.last_block(at.node),
    }


def getbalance(
    at: Opened,
    dummy: str | None = None,
    minconf: int = 0,
    include_watchonly: bool | None = None,
    avoid_reuse: bool = True,
) -> float:
    """Coins that can be counted on, with so many confirmations at least."""
    if dummy not in (None, "*"):
        told = 'dummy first argument must be excluded or set to "*".'
        raise RpcError(DUMMY, told)
    coins = at.wallet.coins()
    found = [one for one in coins if one.mature and one.trusted and one.depth >= minconf]
    return amount_of(sum(one.output.value for one in found))


def getunconfirmedbalance(at: Opened) -> float:
    """Coins of the mempool that are not sure."""
    return amount_of(at.wallet.balances()[1])


def getbalances(at: Opened) -> dict[str, Any]:
    """All there is, by how sure it is."""
    trusted, pending, immature = at.wallet.balances()
    return {
        "mine": {
            "trusted": amount_of(trusted),
            "untrusted_pending": amount_of(pending),
            "immature": amount_of(immature),
        },
        "lastprocessedblock": wallet_views.last_block(at.node),
    }


def getaddressinfo(at: Opened, address: str) -> dict[str, Any]:
    """What the wallet knows of an address."""
    try:
        return wallet_views.address(at.wallet, address)
    except bitcoin.BadAddress:
        raise RpcError(state.NOT_FOUND, bitcoin.address_fault(address)[0]) from None


def getaddressesbylabel(at: Opened, label: str) -> dict[str, Any]:
    """The addresses of a label."""
    found = [name for name, one in at.wallet.labels.items() if one == label]
    if not found:
        raise RpcError(LABEL_NOT_FOUND, f"No addresses with label {label}")
    return {name: {"purpose": _purpose(at.wallet, name)} for name in found}


def _purpose(wallet: Wallet, address: str) -> str:
    return "receive" if wallet.is_mine(bitcoin.address_to_script(address)) else "send"


def listlabels(at: Opened, purpose: str | None = None) -> list[str]:
    """All labels, by the purpose of their addresses where one is given."""
    labels = at.wallet.labels.items()
    return sorted({one for name, one in labels if purpose in (None, "", _purpose(at.wallet, name))})


def getreceivedbyaddress(
    at: Opened, address: str, minconf: int = 1, include_immature_coinbase: bool = False
) -> float:
    """What an address was paid, spent or not."""
    try:
        script = bitcoin.address_to_script(address)
    except bitcoin.BadAddress:
        raise RpcError(state.NOT_FOUND, "Invalid Bitcoin address") from None
    if not at.wallet.is_mine(script):
        raise RpcError(-4, "Address not found in wallet")
    total = 0
    for record in at.wallet.records.values():
        young = record.tx.is_coinbase and at.wallet.depth(record) <= 100
        if at.wallet.depth(record) < minconf or (young and not include_immature_coinbase):
            continue
        total += sum(out.value for out in record.tx.outputs if out.script == script)
    return amount_of(total)


def listreceivedbyaddress(
    at: Opened,
    minconf: int = 1,
    include_empty: bool = False,
    include_watchonly: bool | None = None,
    address_filter: str | None = None,
    include_immature_coinbase: bool = False,
) -> list[dict[str, Any]]:
    """Each address that was given away, with what it was paid."""
    rows = []
    for name, label in sorted(at.wallet.labels.items()):
        script = bitcoin.address_to_script(name)
        if address_filter not in (None, name) or not at.wallet.is_mine(script):
            continue
        records = [
            one
            for one in at.wallet.records.values()
            if any(out.script == script for out in one.tx.outputs)
            and at.wallet.depth(one) >= minconf
            and (include_immature_coinbase or not one.tx.is_coinbase or at.wallet.depth(one) > 100)
        ]
        if not records and not include_empty:
            continue
        rows.append(
            {
                "address": name,
                "amount": getreceivedbyaddress(at, name, minconf, include_immature_coinbase),
                "confirmations": min((at.wallet.depth(one) for one in records), default=0),
                "label": label,
                "txids": [one.tx.txid for one in records],
            }
        )
    return rows


def listunspent(
    at: Opened,
    minconf: int = 1,
    maxconf: int = CONFIRMATIONS_MAX,
    addresses: list[Any] | None = None,
    include_unsafe: bool = True,
    query_options: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """The wallet's coins that may be spent now."""
    wanted = _scripts(addresses)
    options = query_options or {}
    least, most = (money_of(options.get(name, default)) for name, default in AMOUNTS)
    found: list[OwnCoin] = []
    for coin in at.wallet.coins():
        if not coin.mature and not options.get("include_immature_coinbase", False):
            continue
        if coin.place in at.wallet.locked or not minconf <= coin.depth <= maxconf:
            continue
        if (wanted and coin.output.script not in wanted) or not (coin.trusted or include_unsafe):
            continue
        if least <= coin.output.value <= most:
            found.append(coin)
    return [wallet_views.unspent(at.node, at.wallet, coin) for coin in found]


def _scripts(addresses: Sequence[Any] | None) -> set[bytes]:
    found: set[bytes] = set()
    for one in addresses or ():
        try:
            script = bitcoin.address_to_script(str(one))
        except bitcoin.BadAddress:
            raise RpcError(state.NOT_FOUND, f"Invalid Bitcoin address: {one}") from None
        if script in found:
            told = f"Invalid parameter, duplicated address: {one}"
            raise RpcError(state.INVALID_PARAMETER, told)
        found.add(script)
    return found


def gettransaction(
    at: Opened, txid: str, include_watchonly: bool | None = None, verbose: bool = False
) -> dict[str, Any]:
    """A transaction that concerns the wallet."""
    record = at.wallet.records.get(hash_of(txid, "txid"))
    if record is None:
        raise RpcError(state.NOT_FOUND, "Invalid or non-wallet transaction id")
    fee = wallet_views.fee_of(at.wallet, record)
    mine = sum(out.value for out in record.tx.outputs if at.wallet.is_mine(out.script))
    net = mine - at.wallet.debit(record.tx)
    view: dict[str, Any] = {"amount": amount_of(net + (fee or 0))}
    if fee is not None:
        view["fee"] = amount_of(-fee)
    view.update(wallet_views.state_of(at.node, at.wallet, record))
    view["details"] = wallet_views.details(at.node, at.wallet, record)
    view["hex"] = record.tx.serialize().hex()
    if verbose:
        view["decoded"] = views.transaction(record.tx, hex_too=False)
    return {**view, "lastprocessedblock": wallet_views.last_block(at.node)}


def listtransactions(
    at: Opened,
    label: str = "*",
    count: int = 10,
    skip: int = 0,
    include_watchonly: bool | None = None,
) -> list[dict[str, Any]]:
    """What was sent and received, the latest last."""
    if count < 0:
        raise RpcError(state.INVALID_PARAMETER, "Negative count")
    if skip < 0:
        raise RpcError(state.INVALID_PARAMETER, "Negative from")
    rows: list[dict[str, Any]] = []
    for record in _latest_first(at.wallet):
        found = wallet_views.entries(at.node, at.wallet, record)
        rows += [one for one in found if label in ("*", one.get("label"))]
        if len(rows) >= skip + count:
            break
    return rows[skip : skip + count][::-1]


def _latest_first(wallet: Wallet) -> list[Record]:
    return sorted(wallet.records.values(), key=lambda record: -record.order)


def listsinceblock(
    at: Opened,
    blockhash: str | None = None,
    target_confirmations: int = 1,
    include_watchonly: bool | None = None,
    include_removed: bool = True,
    include_change: bool = False,
    label: str | None = None,
) -> dict[str, Any]:
    """What was sent and received since a block, and the block to ask from the next time."""
    chain = at.node.chain
    height = -1
    if blockhash:
        entry = at.node.entry(hash_of(blockhash, "blockhash"))
        while not chain.is_active(entry):
            assert entry.parent is not None, "the genesis block is always active"
            entry = entry.parent
        height = entry.height
    if target_confirmations < 1:
        raise RpcError(state.INVALID_PARAMETER, "Invalid parameter")
    most = chain.tip.height - height
    rows: list[dict[str, Any]] = []
    for record in at.wallet.records.values():
        if height < 0 or at.wallet.depth(record) <= most:
            found = wallet_views.entries(at.node, at.wallet, record)
            rows += [one for one in found if label in (None, one.get("label"))]
    last = chain.at(chain.tip.height + 1 - target_confirmations) or chain.active[0]
    view: dict[str, Any] = {"transactions": rows}
    if include_removed:
        view["removed"] = []
    return {**view, "lastblock": last.hash}


def listlockunspent(at: Opened) -> list[dict[str, Any]]:
    """The coins that the wallet may not choose."""
    return [{"txid": place.txid, "vout": place.vout} for place in sorted(at.wallet.locked)]


def lockunspent(
    at: Opened, unlock: bool, transactions: list[Any] | None = None, persistent: bool = False
) -> bool:
    """Keep the wallet from choosing coins by itself, or let it again; all of them where none are named."""
    if transactions is None:
        if unlock:
            at.wallet.locked.clear()
        return True
    places = [_own_place(at, item, unlock) for item in transactions]
    for place in places:
        (at.wallet.locked.discard if unlock else at.wallet.locked.add)(place)
    return True


def _own_place(at: Opened, item: Any, unlock: bool) -> OutPoint:
    place = place_of(item)
    told = ""
    record = at.wallet.records.get(place.txid)
    if record is None:
        told = "Invalid parameter, unknown transaction"
    elif place.vout >= len(record.tx.outputs):
        told = "Invalid parameter, vout index out of bounds"
    elif all(coin.place != place for coin in at.wallet.coins()):
        told = "Invalid parameter, expected unspent output"
    elif unlock and place not in at.wallet.locked:
        told = "Invalid parameter, expected locked output"
    elif not unlock and place in at.wallet.locked:
        told = "Invalid parameter, output already locked"
    if told:
        raise RpcError(state.INVALID_PARAMETER, told)
    return place


def listdescriptors(at: Opened, private: bool = False) -> dict[str, Any]:
    """The wallet's descriptors."""
    if private and not at.wallet.private_keys:
        raise RpcError(-4, "Can't get private descriptor string for watch-only wallets")
    rows = []
    for pool in at.wallet.pools:
        text = pool.normal_text
        if private:
            text = bitcoin.with_checksum(pool.descriptor.private_text)
        row: dict[str, Any] = {"desc": text, "timestamp": pool.timestamp, "active": pool.active}
        if pool.active:
            row["internal"] = pool.internal
        if pool.descriptor.ranged:
            last = max(pool.watched, KEYPOOL_SIZE + pool.next) - 1
            row.update(range=[pool.first, last], next=pool.next, next_index=pool.next)
        rows.append(row)
    rows.sort(key=lambda row: str(row["desc"]))
    return {"wallet_name": at.wallet.name, "descriptors": rows}


CALLS: dict[str, Call] = table(
    getaddressesbylabel,
    getaddressinfo,
    getbalance,
    getbalances,
    getreceivedbyaddress,
    gettransaction,
    getunconfirmedbalance,
    getwalletinfo,
    listdescriptors,
    listlabels,
    listlockunspent,
    listreceivedbyaddress,
    listsinceblock,
    listtransactions,
    listunspent,
    lockunspent,
)
