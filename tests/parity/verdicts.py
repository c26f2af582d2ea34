"""What a node says to every case: ``ok``, its reject reason, or the error of the call.

``python -m tests.parity.verdicts`` asks a bitcoind (Bitcoin Core's own policy) and writes what it says to
``tests/data/bitcoin_verdicts.json``.
"""

import ast
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alys.models.bitcoin import mining
from alys.models.bitcoin.node import BitcoinNode
from alys.wire.jsonrpc import RpcError
from tests import foreign
from tests.parity import blocks, pooled, rubbish, transactions
from tests.parity.stage import Stage

RECORD = Path(__file__).parents[1] / "data" / "bitcoin_verdicts.json"
OK = "ok"
Ask = Callable[..., Any]
"""One call; raises RpcError."""


@contextmanager
def bitcoind(folder: Path, stage: Stage) -> Iterator[Ask]:
    """A bitcoind whose clock shows the stage's time, with Core's policy instead of Knots' own."""
    words = [f"-mocktime={int(stage.clock.seconds)}", "-corepolicy=1", "-maxtipage=4000000000"]
    words += ["-checkblockindex=0"]  # its own check of itself fails after some of the histories
    words += ["-minrelaytxfee=0.00001", "-incrementalrelayfee=0.00001"]  # Core's before 29.1
    with foreign.bitcoind(folder, *words) as node:

        def ask(method: str, *params: Any) -> Any:
            try:
                return node.call(method, *params)
            except AssertionError as error:
                told = ast.literal_eval(str(error).removeprefix(f"{method}: "))
                raise RpcError(told["code"], told["message"]) from None

        yield ask


def ours(stage: Stage) -> Ask:
    """A fresh node of ours."""
    node = BitcoinNode(stage.clock)
    return lambda method, *params: node.handle(method, list(params))


def all_of(stage: Stage, for_transactions: Ask, for_blocks: Ask) -> dict[str, str]:
    """Every verdict, by the case's name. The two may be one node."""
    for ask in {id(one): one for one in (for_transactions, for_blocks)}.values():
        for block in stage.blocks:
            assert ask("submitblock", block.serialize().hex()) is None
    for tx in stage.waiting.values():
        for_transactions("sendrawtransaction", tx.serialize().hex(), 0)
    cases = {name: case(stage) for name, case in transactions.CASES.items()}
    more = {name: case(stage) for name, case in pooled.CASES.items()}
    bare = {name: tx.serialize() for name, tx in (cases | more).items()}
    bare |= rubbish.transactions(stage)
    found = {f"mempool | {name}": _of_tx(for_transactions, data) for name, data in bare.items()}
    for number, (name, tx) in enumerate(cases.items(), 1):
        data = mining.mined(stage.block(tx, number=number)).serialize()
        found[f"proposal | {name}"] = _of_proposal(for_blocks, data)
        found[f"block | {name}"] = _of_block(for_blocks, data)
    for number, (name, case) in enumerate(blocks.CASES.items(), 10_001):
        data = case(stage, number)
        found[f"proposal | {name}"] = _of_proposal(for_blocks, data)
        found[f"block | {name}"] = _of_block(for_blocks, data)
        found[f"block again | {name}"] = _of_block(for_blocks, data)
    for name, data in rubbish.blocks(stage).items():
        found[f"block | {name}"] = _of_block(for_blocks, data)
    return found


def _of_tx(ask: Ask, data: bytes) -> str:
    try:
        (told,) = ask("testmempoolaccept", [data.hex()], 0)
    except RpcError as error:
        return _error(error)
    return OK if told["allowed"] else core_words(str(told["reject-reason"]))


def _of_proposal(ask: Ask, data: bytes) -> str:
    """What BIP23's ``proposal`` says; it looks at everything but the work, and changes nothing."""
    request = {"mode": "proposal", "rules": ["segwit"], "data": data.hex()}
    try:
        told = ask("getblocktemplate", request)
    except RpcError as error:
        return _error(error)
    return OK if told is None else str(told)


def _of_block(ask: Ask, data: bytes) -> str:
    """What ``submitblock`` says; a block that becomes the tip is taken back."""
    try:
        told = ask("submitblock", data.hex())
        if told is None:
            ask("invalidateblock", ask("getbestblockhash"))
    except RpcError as error:
        return _error(error)
    return OK if told is None else str(told)


KNOTS_WORDS = {
    "bad-witness-": "bad-witness-nonstandard",
    "bad-txns-input-": "bad-txns-nonstandard-inputs",
    "truc-": "TRUC-violation",
}
"""Knots has a reason for each way of being non-standard where Core has one for all."""


def core_words(reason: str) -> str:
    """A reason of the mempool as Core would have it."""
    return next((word for start, word in KNOTS_WORDS.items() if reason.startswith(start)), reason)


def _error(error: RpcError) -> str:
    return f"error {error.code}: {re.sub('[0-9a-f]{64,}', '...', error.message)}"


def differences() -> Mapping[str, tuple[str, str]]:
    """The cases in which we say something else on purpose: what we say, and why."""
    why = "Knots relays by its reduced data rules, which Core does not know"
    conditional = "mempool | tapscript: "
    found = {f"{conditional}{name}": (OK, why) for name in _CONDITIONAL_TAPSCRIPTS}
    failed = "mempool-script-verify-flag-failed"
    found |= {
        "mempool | p2sh: element of 520": (OK, why),
        "mempool | output: pays a key": (OK, why),
        "mempool | output: pays one of three": (OK, why),
        f"{conditional}if without end": (f"{failed} (Invalid OP_IF construction)", why),
        f"{conditional}verif not run": (f"{failed} (Opcode missing or not understood)", why),
        "mempool | taproot: control block of 128 steps": (
            f"{failed} (Witness program hash mismatch)",
            why,
        ),
    }
    why = "Knots reads a version's highest bit as another format of block"
    for times in ("block", "block again", "proposal"):
        found[f"{times} | header: version -2"] = ("bad-version(0xfffffffe)", why)
        found[f"{times} | header: version lowest"] = ("bad-version(0x80000000)", why)
    return found


_CONDITIONAL_TAPSCRIPTS = (
    "if with one",
    "if with empty",
    "return not run",
    "checkmultisig not run",
)


def recorded() -> Mapping[str, str]:
    """What bitcoind said when it was asked last."""
    found: dict[str, str] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Ask and write."""
    stage = Stage()
    with tempfile.TemporaryDirectory() as folder, bitcoind(Path(folder), stage) as ask:
        found = all_of(stage, ask, ask)
    RECORD.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
