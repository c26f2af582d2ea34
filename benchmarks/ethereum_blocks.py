"""What a block costs as state grows: `python -m benchmarks.ethereum_blocks [--rounds N] [--quick] [--out DIR]`.

Writes ethereum_blocks.json and ETHEREUM_BLOCKS.md beside this file; a quick run, which leaves out the largest state, goes
to results/benchmarks unless ``--out`` says otherwise. Exit codes: 0 all goals met, 5 a goal missed, 2 usage.
"""

import argparse
import gc
import hashlib
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from ethereum.crypto.hash import Hash32
from ethereum_types.numeric import U64

from alys.models.ethereum import execution
from alys.models.ethereum.client import Client
from alys.models.ethereum.genesis import dev_genesis
from alys.models.ethereum.run import eels_withdrawal
from alys.models.ethereum.transactions import SignedTransaction, decode, encoded
from alys.models.ethereum.tree import Block
from alys.wire import ethereum
from alys.wire.engine import PayloadAttributes, Status
from benchmarks import machine
from benchmarks.arithmetic import ROUNDS_MIN, median
from benchmarks.results import Machine

ROUNDS = 9
SIZES = (10, 1_000, 10_000, 100_000)
QUICK_SIZES = (10, 1_000, 10_000)
TRANSFERS = 200
EMPTY_BLOCKS = 20
"""Empty blocks in a round; a round's figure is their mean."""

SPECIFICATION_ACCOUNTS_MAX = 10_000
"""Above it the specification's own root takes minutes in all."""

GOAL_ACCOUNTS = 10_000
GOAL_EMPTY_MS = 5.0
GOAL_TRANSFERS_MS = 250.0

START = 1_767_225_600
HERE = Path(__file__).resolve().parent
ELSEWHERE = HERE.parent / "results" / "benchmarks"
PASSED, MISSED = 0, 5


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds at one size of state: medians over the rounds."""

    accounts: int
    empty_built: float
    empty_imported: float
    transfers_built: float
    transfers_imported: float
    specification_empty: float | None
    """An empty block by the specification's own import, once; None where it was not tried."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A run."""

    machine: Machine
    rounds: int
    quick: bool
    sizes: tuple[Figures, ...]

    def missed(self) -> list[str]:
        """The goals that are not met, in words."""
        found = []
        for one in self.sizes:
            if one.accounts != GOAL_ACCOUNTS:
                continue
            for name, value, goal in (
                ("an empty block built", one.empty_built, GOAL_EMPTY_MS),
                ("an empty block imported", one.empty_imported, GOAL_EMPTY_MS),
                (f"{TRANSFERS} transfers built", one.transfers_built, GOAL_TRANSFERS_MS),
                (f"{TRANSFERS} transfers imported", one.transfers_imported, GOAL_TRANSFERS_MS),
            ):
                if value >= goal:
                    found.append(f"{name}: {value:.2f} ms, goal below {goal:g} ms")
        return found


class Chain:
    """A client with so many accounts, some of which can sign."""

    def __init__(self, accounts: int) -> None:
        self.secrets = [number.to_bytes(32, "big") for number in range(1, 1 + TRANSFERS)]
        signers = [ethereum.address_of(secret) for secret in self.secrets]
        others = [
            hashlib.sha256(number.to_bytes(4, "big")).digest()[:20] for number in range(accounts)
        ]
        held = [*signers, *others][: max(accounts, 1)]
        self.secrets = self.secrets[: len(held)]
        self.held = held
        self.genesis = dev_genesis(START, balances=dict.fromkeys(held, 10**24))
        self.client = Client(self.genesis, lambda: START + 1e9)
        self._nonces = [0] * len(self.secrets)

    def build(self, transfers: Sequence[SignedTransaction] = ()) -> Block:
        """A block on the head with those transfers, not kept."""
        head = self.client.tree.head
        wanted = PayloadAttributes(
            timestamp=int(head.header.timestamp) + 2,
            prev_randao=bytes(32),
            suggested_fee_recipient=ethereum.BURN_ADDRESS,
            withdrawals=(),
        )
        hashes = self.client.tree.hashes_before(head)
        return execution.build(head, wanted, transfers, self.genesis, hashes)

    def take(self, block: Block) -> None:
        """Import it as a consensus client's payload."""
        status = self.client.new_payload(execution.payload_of(block))
        assert status.status is Status.VALID, status

    def transfers(self) -> list[SignedTransaction]:
        """The next transfers, each signer's in turn, each to another account that there is."""
        made = []
        for number in range(TRANSFERS):
            index = number % len(self.secrets)
            raw = ethereum.sign_transaction(
                self.secrets[index],
                chain_id=self.genesis.chain_id,
                nonce=self._nonces[index],
                to=self.held[-1 - number % len(self.held)],
                value=1,
                gas=21_000,
                max_fee=3 * 10**9,
                max_tip=10**9,
            )
            self._nonces[index] += 1
            made.append(decode(raw, self.genesis.chain_id, self.client.rules_ahead().fork))
        return made


def main(arguments: Sequence[str]) -> int:
    """Measure, write, say what was missed."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.ethereum_blocks", description=__doc__)
    made.add_argument("--rounds", type=int, default=0, metavar="N", help=f"{ROUNDS_MIN} or more")
    made.add_argument("--quick", action="store_true", help="without the largest state")
    made.add_argument("--out", type=Path, metavar="DIR", help="where the results go")
    options = made.parse_args(arguments)
    rounds = max(options.rounds or (ROUNDS_MIN if options.quick else ROUNDS), ROUNDS_MIN)
    report = Report(
        machine=machine.describe(),
        rounds=rounds,
        quick=options.quick,
        sizes=tuple(
            figures(accounts, rounds) for accounts in (QUICK_SIZES if options.quick else SIZES)
        ),
    )
    write(report, options.out or (ELSEWHERE if options.quick else HERE))
    for words in report.missed():
        print(f"missed: {words}")
    return MISSED if report.missed() else PASSED


def figures(accounts: int, rounds: int) -> Figures:
    """All figures at one size."""
    chain = Chain(accounts)
    empty_built, empty_imported, built, imported = [], [], [], []
    for _ in range(rounds):
        times = [_block(chain, ()) for _ in range(EMPTY_BLOCKS)]
        empty_built.append(sum(one for one, _ in times) / EMPTY_BLOCKS)
        empty_imported.append(sum(one for _, one in times) / EMPTY_BLOCKS)
        made, taken = _block(chain, chain.transfers())
        built.append(made)
        imported.append(taken)
        print(f"{accounts} accounts: {empty_built[-1]:.2f} ms empty, {made:.0f} ms full")
    slow = _specification(chain) if accounts <= SPECIFICATION_ACCOUNTS_MAX else None
    return Figures(
        accounts=accounts,
        empty_built=median(empty_built),
        empty_imported=median(empty_imported),
        transfers_built=median(built),
        transfers_imported=median(imported),
        specification_empty=slow,
    )


def _block(chain: Chain, transfers: Sequence[SignedTransaction]) -> tuple[float, float]:
    """Milliseconds to build and to import one block, which becomes the head.

    Senders are recovered anew for the import: nobody has seen its transactions.
    """
    made: list[Block] = []
    building = _timed(lambda: made.append(chain.build(transfers)))
    assert len(made[0].transactions) == len(transfers)
    decode.cache_clear()
    importing = _timed(lambda: chain.take(made[0]))
    kept = chain.client.tree.get(made[0].hash)
    assert kept is not None
    chain.client.adopt(kept)
    return building, importing


def _specification(chain: Chain) -> float:
    """The same empty block by the specification's own state_transition on a state in dictionaries."""
    head, block = chain.client.tree.head, chain.build()
    rules = block.rules
    state = rules.state.State()
    for address, account in head.state.accounts():
        rules.state.set_account(state, rules.fork_types.Address(address), account)
    listed = tuple(encoded(tx.body, rules) for tx in head.transactions)
    paid = tuple(eels_withdrawal(one, rules) for one in head.withdrawals)
    before = rules.blocks.Block(head.header, listed, (), paid)
    after = rules.blocks.Block(block.header, (), (), ())
    past = rules.transition.BlockChain([before], state, U64(chain.genesis.chain_id))
    took = _timed(lambda: rules.transition.state_transition(past, after))
    assert Hash32(block.state.root) == block.header.state_root
    return took


def _timed(work: Callable[[], object]) -> float:
    """Milliseconds of this process's own time."""
    gc.collect()
    before = time.process_time_ns()
    work()
    return (time.process_time_ns() - before) / 1e6


def write(report: Report, folder: Path) -> None:
    """The figures as data, and as a page."""
    folder.mkdir(parents=True, exist_ok=True)
    data = msgspec.json.format(msgspec.json.encode(report), indent=1)
    (folder / "ethereum_blocks.json").write_bytes(data + b"\n")
    (folder / "ETHEREUM_BLOCKS.md").write_text(page(report), encoding="utf-8")
    print(f"written: {folder / 'ETHEREUM_BLOCKS.md'}")


def page(report: Report) -> str:
    """The table and how it came about."""
    head = ["accounts", "empty, built", "empty, imported"]
    head += [f"{TRANSFERS} transfers, built", f"{TRANSFERS} transfers, imported"]
    head += ["empty, by the specification alone"]
    rows = [head, ["---:"] * len(head)]
    for one in report.sizes:
        alone = one.specification_empty
        rows.append(
            [
                f"{one.accounts:,}",
                f"{one.empty_built:.2f}",
                f"{one.empty_imported:.2f}",
                f"{one.transfers_built:.0f}",
                f"{one.transfers_imported:.0f}",
                "not tried" if alone is None else f"{alone:,.1f}",
            ]
        )
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    missed = report.missed()
    verdict = "Both are met." if not missed else "Missed: " + "; ".join(missed) + "."
    about = report.machine
    return f"""# What a block costs as state grows

Made by `python -m benchmarks.ethereum_blocks`; the same figures as data are in `ethereum_blocks.json`. Milliseconds.

{table}
Goals at {GOAL_ACCOUNTS:,} accounts: an empty block below {GOAL_EMPTY_MS:g} ms, {TRANSFERS} transfers below {GOAL_TRANSFERS_MS:g} ms. {verdict}

- Built is what `engine_getPayload` does, from decoded transactions; imported what `engine_newPayload` does, from bytes: hash, execution,
  senders recovered, roots. The transfers have {TRANSFERS} signers (fewer where there are fewer accounts) and go to other accounts.
- Medians of {report.rounds} rounds; an empty block's figure in a round is the mean of {EMPTY_BLOCKS}. Time is the process's own, which on a quiet
  core is the wall's. The collector of garbage runs before each measurement, not in it.
- The last column is one empty block by the specification's own `state_transition`, on the same accounts in dictionaries.
- {about.cpu}, {about.cores_usable} of {about.cores} cores, {about.system}, {about.python}.
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
