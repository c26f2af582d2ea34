"""Making blocks: what a template holds, and a block ground to regtest's work."""

from collections.abc import Sequence

from alys.models.bitcoin import rules
from alys.models.bitcoin.chainstate import ChainState
from alys.models.bitcoin.mempool import Mempool, Waiting
from alys.wire import bitcoin
from alys.wire.bitcoin import Block, Header, OutPoint, Tx, TxIn, TxOut

BLOCK_VERSION = 0x20000000
"""BIP9 with no deployment signalled."""

WEIGHT_RESERVED = 8_000
"""Room that Core leaves for header and coinbase."""

COINBASE_TEXT = b"alys"


def block_time(chain: ChainState, now: float) -> int:
    """Time of the next block: now, but after the median of the last eleven."""
    return max(int(now), chain.median_time(chain.tip) + 1)


def select(mempool: Mempool) -> list[Waiting]:
    """What goes into the next block: in order of arrival (parents first) as far as there is room."""
    chosen: list[Waiting] = []
    weight = WEIGHT_RESERVED
    left_out: set[str] = set()
    for txid, entry in mempool.waiting.items():
        orphan = any(txin.outpoint.txid in left_out for txin in entry.tx.inputs)
        if orphan or weight + entry.tx.weight > rules.BLOCK_WEIGHT_MAX:
            left_out.add(txid)
            continue
        weight += entry.tx.weight
        chosen.append(entry)
    return chosen


def coinbase(height: int, reward: int, script: bytes) -> Tx:
    """A coinbase without its witness commitment."""
    return Tx(
        version=2,
        inputs=(
            TxIn(
                outpoint=OutPoint(txid=bitcoin.NULL_HASH, vout=bitcoin.NULL_VOUT),
                script_sig=rules.height_script(height) + bitcoin.push(COINBASE_TEXT),
                witness=(rules.WITNESS_RESERVED,),
            ),
        ),
        outputs=(TxOut(value=reward, script=script),),
    )


def committed(first: Tx, rest: Sequence[Tx]) -> Tx:
    """The coinbase with the witness commitment as its last output (BIP141)."""
    script = rules.witness_commitment((first, *rest))
    return Tx(
        version=first.version,
        inputs=first.inputs,
        outputs=(*first.outputs, TxOut(value=0, script=script)),
        locktime=first.locktime,
    )


def make_block(chain: ChainState, txs: Sequence[Tx], fees: int, script: bytes, now: float) -> Block:
    """A block on the tip with these transactions, whose coinbase pays ``script``; its work is done."""
    height = chain.tip.height + 1
    first = committed(coinbase(height, rules.subsidy(height) + fees, script), txs)
    every = (first, *txs)
    header = Header(
        version=BLOCK_VERSION,
        previous=chain.tip.hash,
        merkle_root=bitcoin.merkle_root([tx.txid for tx in every]),
        time=block_time(chain, now),
        bits=rules.REGTEST_BITS,
        nonce=0,
    )
    return Block(header=rules.mined(header), txs=every)


def template(chain: ChainState, mempool: Mempool, now: float) -> dict[str, object]:
    """BIP22's and BIP145's getblocktemplate."""
    chosen = select(mempool)
    position = {entry.tx.txid: n for n, entry in enumerate(chosen, 1)}
    height = chain.tip.height + 1
    fees = sum(entry.fee for entry in chosen)
    dummy = coinbase(height, 0, b"")
    return {
        "capabilities": ["proposal"],
        "version": BLOCK_VERSION,
        "rules": ["csv", "!segwit", "taproot"],
        "vbavailable": {},
        "vbrequired": 0,
        "previousblockhash": chain.tip.hash,
        "transactions": [
            {
                "data": entry.tx.serialize().hex(),
                "txid": entry.tx.txid,
                "hash": entry.tx.wtxid,
                "depends": sorted(
                    {
                        position[txin.outpoint.txid]
                        for txin in entry.tx.inputs
                        if txin.outpoint.txid in position
                    }
                ),
                "fee": entry.fee,
                "sigops": entry.sigops,
                "weight": entry.tx.weight,
            }
            for entry in chosen
        ],
        "coinbaseaux": {},
        "coinbasevalue": rules.subsidy(height) + fees,
        "longpollid": f"{chain.tip.hash}{len(mempool.waiting)}",
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
        "default_witness_commitment": rules.witness_commitment(
            (dummy, *(entry.tx for entry in chosen))
        ).hex(),
    }
