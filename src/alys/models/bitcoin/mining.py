"""Making blocks: what a template holds, and a block ground to regtest's work."""

from collections.abc import Sequence
from typing import Any

import msgspec

from alys.models.bitcoin import rules, versionbits
from alys.models.bitcoin.chainstate import ChainState
from alys.models.bitcoin.mempool import Mempool, Waiting
from alys.models.bitcoin.versionbits import Status
from alys.wire import bitcoin
from alys.wire.bitcoin import Block, Header, OutPoint, Tx, TxIn, TxOut

WEIGHT_RESERVED = 8_000
"""Room that Core leaves for header and coinbase."""

SIGOPS_RESERVED = 400
EXTRA_NONCE_BYTES = 4
COINBASE_TEXT = b"alys"


def block_time(chain: ChainState, now: float) -> int:
    """Time of the next block: now, but after the median of the last eleven."""
    return max(int(now), chain.median_time(chain.tip) + 1)


def select(mempool: Mempool) -> list[Waiting]:
    """What goes into the next block: in order of arrival (parents first) as far as there is room."""
    chosen: list[Waiting] = []
    weight, sigops = WEIGHT_RESERVED, SIGOPS_RESERVED
    left_out: set[str] = set()
    for txid, entry in mempool.waiting.items():
        orphan = any(txin.outpoint.txid in left_out for txin in entry.tx.inputs)
        full = (
            weight + entry.tx.weight > rules.BLOCK_WEIGHT_MAX
            or sigops + entry.sigops > rules.SIGOPS_COST_MAX
        )
        if orphan or full:
            left_out.add(txid)
            continue
        weight += entry.tx.weight
        sigops += entry.sigops
        chosen.append(entry)
    return chosen


def coinbase(height: int, reward: int, script: bytes, extra_nonce: int) -> Tx:
    """A coinbase without its witness commitment. ``extra_nonce`` keeps two blocks on one parent apart."""
    return Tx(
        version=2,
        inputs=(
            TxIn(
                outpoint=OutPoint(txid=bitcoin.NULL_HASH, vout=bitcoin.NULL_VOUT),
                script_sig=rules.height_script(height)
                + bitcoin.push(extra_nonce.to_bytes(EXTRA_NONCE_BYTES, "little"))
                + bitcoin.push(COINBASE_TEXT),
                witness=(rules.WITNESS_RESERVED,),
            ),
        ),
        outputs=(TxOut(value=reward, script=script),),
    )


def committed(first: Tx, rest: Sequence[Tx]) -> Tx:
    """The coinbase with the witness commitment as its last output (BIP141)."""
    script = rules.witness_commitment((first, *rest))
    return msgspec.structs.replace(first, outputs=(*first.outputs, TxOut(value=0, script=script)))


def make_block(chain: ChainState, txs: Sequence[Tx], fees: int, script: bytes, now: float) -> Block:
    """A block on the tip with these transactions, whose coinbase pays ``script``; its work is not done.

    The extra nonce is the number of blocks known, so that a block mined again after ``invalidateblock`` is another one.
    """
    height = chain.tip.height + 1
    reward = rules.subsidy(height) + fees
    first = committed(coinbase(height, reward, script, len(chain.index)), txs)
    every = (first, *txs)
    header = Header(
        version=versionbits.block_version(chain.tip),
        previous=chain.tip.hash,
        merkle_root=bitcoin.merkle_root([tx.txid for tx in every]),
        time=block_time(chain, now),
        bits=rules.REGTEST_BITS,
        nonce=0,
    )
    return Block(header=header, txs=every)


def mined(block: Block) -> Block:
    """The block with its work done: the first nonce that meets the target."""
    return Block(header=rules.mined(block.header), txs=block.txs)


def completed(block: Block) -> Block:
    """A submitted block with the coinbase witness that miners may leave out when the commitment is there (as Core does)."""
    if not block.txs or not block.txs[0].inputs:
        return block
    first = block.txs[0]
    if rules.committed_at(first) is None or first.inputs[0].witness:
        return block
    txin = msgspec.structs.replace(first.inputs[0], witness=(rules.WITNESS_RESERVED,))
    return Block(
        header=block.header, txs=(msgspec.structs.replace(first, inputs=(txin,)), *block.txs[1:])
    )


def template(chain: ChainState, mempool: Mempool, now: float) -> dict[str, Any]:
    """The object of BIP22's and BIP145's getblocktemplate."""
    chosen = select(mempool)
    height = chain.tip.height + 1
    txs = [entry.tx for entry in chosen]
    placeholder = coinbase(height, 0, b"", 0)
    return {
        "capabilities": ["proposal"],
        "version": versionbits.block_version(chain.tip),
        **_deployments(chain),
        "vbrequired": 0,
        "previousblockhash": chain.tip.hash,
        "transactions": _template_transactions(chosen),
        "coinbaseaux": {},
        "coinbasevalue": rules.subsidy(height) + sum(entry.fee for entry in chosen),
        "longpollid": f"{chain.tip.hash}{mempool.changes}",
        "target": f"{bitcoin.target_of(rules.REGTEST_BITS):064x}",
        "mintime": chain.median_time(chain.tip) + 1,
        "mutable": ["time", "transactions", "prevblock"],
        "noncerange": "00000000ffffffff",
        "sigoplimit": rules.SIGOPS_COST_MAX,
        "sizelimit": rules.BLOCK_WEIGHT_MAX,
        "weightlimit": rules.BLOCK_WEIGHT_MAX,
        "curtime": block_time(chain, now),
        "bits": f"{rules.REGTEST_BITS:08x}",
        "height": height,
        "default_witness_commitment": rules.witness_commitment((placeholder, *txs)).hex(),
    }


def _deployments(chain: ChainState) -> dict[str, Any]:
    status = versionbits.status_after(chain.tip)
    offered = status in (Status.STARTED, Status.LOCKED_IN)
    dummy = ["testdummy"] if status is Status.ACTIVE else []
    return {
        "rules": ["csv", "!segwit", *dummy, "taproot"],
        "vbavailable": {"testdummy": versionbits.TESTDUMMY_BIT} if offered else {},
    }


def _template_transactions(chosen: Sequence[Waiting]) -> list[dict[str, Any]]:
    """``depends`` counts from 1, as the coinbase is none of them."""
    position = {entry.tx.txid: n for n, entry in enumerate(chosen, 1)}
    return [
        {
            "data": entry.tx.serialize().hex(),
            "txid": entry.tx.txid,
            "hash": entry.tx.wtxid,
            "depends": sorted({position[txid] for txid in entry.parents if txid in position}),
            "fee": entry.fee,
            "sigops": entry.sigops,
            "weight": entry.tx.weight,
        }
        for entry in chosen
    ]
