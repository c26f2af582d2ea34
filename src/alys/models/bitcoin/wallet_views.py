"""A wallet's addresses, coins and transactions as bitcoind's JSON shows them."""

from typing import Any

from alys.models.bitcoin.descriptor_calls import address_details
from alys.models.bitcoin.state import NodeState
from alys.models.bitcoin.wallet import OwnCoin, Record, Wallet
from alys.models.bitcoin.wallet_keys import Pool
from alys.wire import bitcoin
from alys.wire.bitcoin import Output, TxOut, amount_of

SEQUENCE_REPLACEABLE = 0xFFFFFFFD


def last_block(node: NodeState) -> dict[str, Any]:
    """How far the wallet has read: to the tip."""
    return {"hash": node.chain.tip.hash, "height": node.chain.tip.height}


def address(wallet: Wallet, text: str) -> dict[str, Any]:
    """getaddressinfo's object for an address that is one."""
    script = bitcoin.address_to_script(text)
    pool = wallet.pool_of(script)
    view: dict[str, Any] = {
        "address": bitcoin.script_to_address(script),
        "scriptPubKey": script.hex(),
        "ismine": pool is not None,
        "isactive": pool is not None and pool.active,
        "solvable": pool is not None and pool.descriptor.solvable,
    }
    output = None if pool is None else pool.output(script)
    if pool is not None and output is not None and pool.descriptor.solvable:
        view["desc"] = bitcoin.inferred_descriptor(output)
        view["parent_desc"] = pool.normal_text
    view["iswatchonly"] = False
    view.update(address_details(script))
    if output is not None and output.inner:
        view.update(_inside(output))
    elif output is not None and len(output.keys) == 1 and not _is_taproot(script):
        pubkey = output.keys[0].pubkey
        view["pubkey"] = pubkey.hex()
        if not view["iswitness"]:
            view["iscompressed"] = len(pubkey) == 33
    view["ischange"] = wallet.is_change(script)
    if pool is not None and output is not None:
        view.update(_origin(pool, output))
    label = wallet.labels.get(view["address"])
    return {**view, "labels": [] if label is None else [label]}


def _is_taproot(script: bytes) -> bool:
    return bitcoin.script_type(script) == "witness_v1_taproot"


def _inside(output: Output) -> dict[str, Any]:
    """What an output of a wrapped script has in it."""
    inner = output.inner[0]
    view: dict[str, Any] = {"script": bitcoin.script_type(inner), "hex": inner.hex()}
    if len(output.keys) == 1 and len(output.inner) == 1:
        pubkey = output.keys[0].pubkey.hex()
        view["pubkey"] = pubkey
        view["embedded"] = {
            **address_details(inner),
            "pubkey": pubkey,
            "address": bitcoin.script_to_address(inner),
            "scriptPubKey": inner.hex(),
        }
    return view


def _origin(pool: Pool, output: Output) -> dict[str, Any]:
    view: dict[str, Any] = {"timestamp": pool.timestamp}
    if output.keys:
        key = output.keys[0]
        view["hdkeypath"] = f"m{key.path}"
        view["hdseedid"] = "0" * 40
        view["hdmasterfingerprint"] = key.fingerprint.hex()
    return view


def unspent(node: NodeState, wallet: Wallet, coin: OwnCoin) -> dict[str, Any]:
    """One of listunspent's coins."""
    script = coin.output.script
    text = bitcoin.script_to_address(script)
    view: dict[str, Any] = {"txid": coin.place.txid, "vout": coin.place.vout}
    if text is not None:
        view["address"] = text
        if text in wallet.labels:
            view["label"] = wallet.labels[text]
    output, pool = wallet.output(script), wallet.pool_of(script)
    if output.inner and bitcoin.script_type(script) == "scripthash":
        view["redeemScript"] = output.inner[0].hex()
    view.update(
        scriptPubKey=script.hex(),
        amount=amount_of(coin.output.value),
        confirmations=coin.depth,
    )
    if coin.depth == 0:
        waiting = node.mempool.waiting[coin.place.txid]
        family = [waiting] + [
            node.mempool.waiting[name] for name in node.mempool.ancestors(waiting.tx)
        ]
        view.update(
            ancestorcount=len(family),
            ancestorsize=sum(one.tx.vsize for one in family),
            ancestorfees=sum(one.fee for one in family),
        )
    solvable = pool is not None and pool.descriptor.solvable
    view.update(spendable=True, solvable=solvable)
    if solvable:
        view["desc"] = bitcoin.inferred_descriptor(output)
    if wallet.avoid_reuse:
        view["reused"] = False
    return {**view, "parent_descs": parents(wallet, script), "safe": coin.trusted}


def parents(wallet: Wallet, script: bytes) -> list[str]:
    """The descriptors that a script is of."""
    return [pool.descriptor.with_checksum for pool in wallet.pools if script in pool.scripts]


def state_of(node: NodeState, wallet: Wallet, record: Record) -> dict[str, Any]:
    """What is the same for all entries of a transaction: its block or its chances, its conflicts, its times."""
    tx = record.tx
    depth = wallet.depth(record)
    view: dict[str, Any] = {"confirmations": depth}
    if tx.is_coinbase:
        view["generated"] = True
    entry = wallet.entry(tx.txid)
    if entry is not None:
        place = next(n for n, one in enumerate(entry.block.txs) if one.txid == tx.txid)
        view.update(
            blockhash=entry.hash,
            blockheight=entry.height,
            blockindex=place,
            blocktime=entry.block.header.time,
        )
    else:
        view["trusted"] = wallet.is_trusted(record)
    conflicts = wallet.conflicts(tx)
    waiting = node.mempool.waiting
    view.update(
        txid=tx.txid,
        wtxid=tx.wtxid,
        walletconflicts=conflicts,
        mempoolconflicts=[txid for txid in conflicts if txid in waiting],
    )
    note = wallet.note(tx.txid)
    for name, text in (("comment", note.comment), ("to", note.to)):
        if text:
            view[name] = text
    replaceable = "no"
    if entry is None:
        signals = any(txin.sequence <= SEQUENCE_REPLACEABLE for txin in tx.inputs)
        replaceable = ("yes" if signals else "no") if tx.txid in waiting else "unknown"
    view.update(time=record.time, timereceived=record.time)
    view["bip125-replaceable"] = replaceable
    return view


def fee_of(wallet: Wallet, record: Record) -> int | None:
    """What the wallet paid for a transaction; None for one that it did not make alone."""
    debit = wallet.debit(record.tx)
    return debit - sum(out.value for out in record.tx.outputs) if debit else None


def details(node: NodeState, wallet: Wallet, record: Record) -> list[dict[str, Any]]:
    """The outputs of a transaction that were sent, then those that were received."""
    fee = fee_of(wallet, record)
    outputs = list(enumerate(record.tx.outputs))
    if fee is not None:
        outputs = [pair for pair in outputs if not wallet.is_change(pair[1].script)]
    sent = [] if fee is None else [_sent(wallet, record, n, out, fee) for n, out in outputs]
    received = [
        _received(node, wallet, record, n, out) for n, out in outputs if wallet.is_mine(out.script)
    ]
    return sent + received


def _sent(wallet: Wallet, record: Record, vout: int, output: TxOut, fee: int) -> dict[str, Any]:
    text = bitcoin.script_to_address(output.script)
    view: dict[str, Any] = {} if text is None else {"address": text}
    view.update(category="send", amount=amount_of(-output.value))
    if text is not None and text in wallet.labels:
        view["label"] = wallet.labels[text]
    return {
        **view,
        "vout": vout,
        "fee": amount_of(-fee),
        "abandoned": wallet.note(record.tx.txid).abandoned,
    }


def _received(
    node: NodeState, wallet: Wallet, record: Record, vout: int, output: TxOut
) -> dict[str, Any]:
    text = bitcoin.script_to_address(output.script)
    view: dict[str, Any] = {} if text is None else {"address": text}
    view["parent_descs"] = parents(wallet, output.script)
    category = "receive"
    if record.tx.is_coinbase:
        depth = wallet.depth(record)
        category = "orphan" if depth < 1 else "immature" if depth <= 100 else "generate"
    view.update(category=category, amount=amount_of(output.value))
    if text is not None and text in wallet.labels:
        view["label"] = wallet.labels[text]
    return {**view, "vout": vout, "abandoned": wallet.note(record.tx.txid).abandoned}


def entries(node: NodeState, wallet: Wallet, record: Record) -> list[dict[str, Any]]:
    """listtransactions' objects of one transaction."""
    common = state_of(node, wallet, record)
    found = []
    for one in details(node, wallet, record):
        if one["category"] == "send":
            abandoned = one.pop("abandoned")
            found.append({**one, **common, "abandoned": abandoned})
        else:
            found.append({**one, **common})
    return found
