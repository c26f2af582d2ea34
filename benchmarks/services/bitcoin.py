"""getblock and submitblock beside bitcoind, on one chain of which some blocks hold a hundred payments."""

import base64
import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from alys.models.bitcoin.node import BitcoinNode
from alys.wire import bitcoin
from alys.wire.bitcoin import OutPoint, Tx, TxIn, TxOut
from benchmarks.services.pairs import Pair, Work
from benchmarks.services.processes import SECRETS, Failed, Rpc, body_of, ours
from benchmarks.services.results import Other

SECRET = (11).to_bytes(32, "big")
SCRIPT = bitcoin.p2wpkh_script(bitcoin.pubkey_of(SECRET))
ADDRESS = bitcoin.script_to_address(SCRIPT) or ""
PAYMENTS = 100
FEE_SATS = 1_000
CALLS = 50
IMPORTS = 4


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """Raw blocks in hex: those that both sides begin with, and those that they are timed with."""

    begun: list[str]
    full_hash: str
    empty_hash: str
    empty: list[str]
    full: list[str]


@contextlib.contextmanager
def prepared(folder: Path, rounds: int) -> Iterator[tuple[list[Pair], Other]]:
    """The cases, both sides running; without bitcoind ours alone."""
    chain = make_chain(rounds + 1)
    token = base64.b64encode(
        f"{SECRETS['BITCOIN_RPC_USER']}:{SECRETS['BITCOIN_RPC_PASSWORD']}".encode()
    ).decode()

    def headers() -> dict[str, str]:
        return {"Authorization": f"Basic {token}"}

    with contextlib.ExitStack() as stack:
        doors = stack.enter_context(ours("bitcoin"))
        mine = Rpc(doors["rpc"], headers)
        theirs, other = None, _absent()
        if other is None:
            from tests import foreign

            node = stack.enter_context(foreign.bitcoind(folder / "bitcoind"))
            theirs = Rpc(node.url, headers)
            other = _other(said=theirs.call("getnetworkinfo")["subversion"].strip("/"))
        for rpc in (mine, theirs):
            if rpc is not None:
                stack.callback(rpc.close)
                for block in chain.begun:
                    submit(rpc, block)
        if theirs is not None and mine.call("getbestblockhash") != theirs.call("getbestblockhash"):
            raise Failed("bitcoin: the two are on different chains")
        yield list(_pairs(mine, theirs, chain)), other


def _pairs(mine: Rpc, theirs: Rpc | None, chain: Chain) -> Iterator[Pair]:
    for verbosity, words in ((0, "hex"), (1, "txids"), (2, "transactions")):
        for name, block in (("full", chain.full_hash), ("empty", chain.empty_hash)):
            body = body_of("getblock", block, verbosity)
            size = f"{PAYMENTS} payments" if name == "full" else "no payment"
            yield Pair(
                service="bitcoin",
                name=f"getblock {verbosity}, {size}",
                how=f"the block with {words}",
                calls=CALLS,
                ours=_asking(mine, body),
                theirs=None if theirs is None else _asking(theirs, body),
            )
    # The empty blocks stand on the chain, the full ones on them: each round takes the next of both.
    for name, blocks in (("no payment", chain.empty), (f"{PAYMENTS} payments", chain.full)):
        yield Pair(
            service="bitcoin",
            name=f"submitblock, {name}",
            how="the next block in hex, checked and connected, signatures included",
            calls=IMPORTS,
            ours=_submitting(mine, blocks),
            theirs=None if theirs is None else _submitting(theirs, blocks),
        )


def _asking(rpc: Rpc, body: bytes) -> Work:
    return lambda _: check(rpc.post(body))


def _submitting(rpc: Rpc, blocks: list[str]) -> Work:
    bodies = [body_of("submitblock", block) for block in blocks]
    return lambda number: check(rpc.post(bodies[number]))


def submit(rpc: Rpc, block: str) -> None:
    """Give a block that must be taken. Raises Failed."""
    refused = rpc.call("submitblock", block)
    if refused is not None:
        raise Failed(f"bitcoin: a block was refused: {refused}")


def check(answer: bytes) -> None:
    """Raises Failed for an error; the rest is not looked at while the watch runs."""
    if b'"error":{' in answer[-300:]:
        raise Failed(f"bitcoin: {answer[-300:]!r}")


def make_chain(rounds: int) -> Chain:
    """A chain on regtest's own genesis block; for each round it goes on with a few empty blocks and a few full ones."""
    clock = time.time() - 3_600
    node = BitcoinNode(lambda: clock)
    imports = IMPORTS * rounds
    node.handle("generatetoaddress", [102 + imports, ADDRESS])
    splits = [_split(entry.block.txs[0]) for entry in node.chain.active[1 : 2 + imports]]
    _mine(node, splits)
    full_hash = _mine(node, _payments(splits[0]))
    empty_hash = node.chain.active[50].hash
    begun = _raw(node, 1)
    waiting = iter(splits[1:])
    empty, full = [], []
    for _ in range(rounds):
        height = node.chain.tip.height
        node.handle("generatetoaddress", [IMPORTS, ADDRESS])
        empty += _raw(node, height + 1)
        for _ in range(IMPORTS):
            _mine(node, _payments(next(waiting)))
        full += _raw(node, height + 1 + IMPORTS)
    return Chain(begun=begun, full_hash=full_hash, empty_hash=empty_hash, empty=empty, full=full)


def _mine(node: BitcoinNode, txs: list[Tx]) -> str:
    """A block with exactly these; its hash."""
    raw = [tx.serialize().hex() for tx in txs]
    made: str = node.handle("generateblock", [ADDRESS, raw])["hash"]
    return made


def _raw(node: BitcoinNode, height: int) -> list[str]:
    """The blocks from a height on, in hex."""
    return [entry.block.serialize().hex() for entry in node.chain.active[height:]]


def _split(coin: Tx) -> Tx:
    value = coin.outputs[0].value // PAYMENTS - FEE_SATS
    outputs = (TxOut(value=value, script=SCRIPT),) * PAYMENTS
    return _signed(coin, 0, outputs)


def _payments(split: Tx) -> list[Tx]:
    """Each to an address of its own."""
    paid = [
        TxOut(value=out.value - FEE_SATS, script=_payee(f"{split.txid}:{vout}"))
        for vout, out in enumerate(split.outputs)
    ]
    return [_signed(split, vout, (out,)) for vout, out in enumerate(paid)]


def _payee(name: str) -> bytes:
    """A version 0 program of twenty bytes; nobody has its key."""
    return b"\x00\x14" + bitcoin.sha256d(name.encode())[:20]


def _signed(spent: Tx, vout: int, outputs: tuple[TxOut, ...]) -> Tx:
    txin = TxIn(outpoint=OutPoint(txid=spent.txid, vout=vout), sequence=0xFFFFFFFF)
    tx = Tx(inputs=(txin,), outputs=outputs)
    return bitcoin.sign_p2wpkh_input(tx, 0, SECRET, spent.outputs[vout].value)


def _absent() -> Other | None:
    if shutil.which("bitcoind") is not None:
        return None
    return _other(said="bitcoind is not on PATH; .ci/foreign FOLDER brings it", here=False)


def _other(said: str, *, here: bool = True) -> Other:
    return Other(service="bitcoin", name="bitcoind", said=said, here=here)
