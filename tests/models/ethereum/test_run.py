"""One block being executed: a refused transaction changes nothing, outputs belong to the included ones."""

import dataclasses
from typing import Any

import pytest
from ethereum.forks.shanghai import state as specification
from ethereum.forks.shanghai import trie
from ethereum_types.numeric import U256, Uint

from alys.models.ethereum.execution import genesis_block
from alys.models.ethereum.genesis import dev_genesis
from alys.models.ethereum.run import InvalidPayload, Run, environment_of
from tests.models.ethereum.builders import ETHER, PAYEE, START, USER, decoded, withdrawal

GENESIS = genesis_block(dev_genesis(START, balances={USER: 10 * ETHER}))


def make_run() -> Run:
    header = dataclasses.replace(
        GENESIS.header, number=Uint(1), timestamp=GENESIS.header.timestamp + U256(2)
    )
    return Run(header, GENESIS, GENESIS.rules, 121212, [GENESIS.hash])


def left_by(run: Run) -> tuple[bytes, bytes, bytes, int]:
    return (
        specification.state_root(run.state),
        trie.root(run.output.transactions_trie),
        trie.root(run.output.receipts_trie),
        run.gas_left(),
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nonce": 1}, "nonce"),
        ({"value": 10 * ETHER}, "balance|funds"),
        ({"gas": 20_999}, "gas"),
        ({"gas": 30_000_001}, "gas"),
        ({"max_fee": 10**9 - 1, "max_tip": 0}, "fee"),
        ({"max_tip": 4 * 10**9}, "fee"),
    ],
)
@pytest.mark.parametrize("after", [0, 1])
def test_a_refused_transaction_changes_nothing(
    changes: dict[str, Any], words: str, after: int
) -> None:
    run = make_run()
    if after:
        run.apply(decoded(0))
    before = left_by(run)
    nonce = after + changes.get("nonce", 0)
    with pytest.raises(
        InvalidPayload, match=f"(?i)^invalid payload: transaction {after}: .*{words}"
    ):
        run.apply(decoded(**{**changes, "nonce": nonce}))
    assert left_by(run) == before
    run.apply(decoded(after))
    assert len(run.included) == len(run.receipts()) == after + 1


def test_receipts_and_gas_add_up_over_transactions() -> None:
    run = make_run()
    for nonce in range(3):
        run.apply(decoded(nonce))
    assert [int(receipt.cumulative_gas_used) for receipt in run.receipts()] == [
        21_000,
        42_000,
        63_000,
    ]
    assert run.gas_left() == 30_000_000 - 63_000


def test_finishing_pays_withdrawals_on_top_and_the_parent_knows_nothing_of_it() -> None:
    run = make_run()
    run.apply(decoded(0))
    sealed = run.finish([withdrawal(PAYEE, 5), withdrawal(PAYEE, 6)])
    assert int(sealed.account(PAYEE).balance) == ETHER + 11 * 10**9
    assert int(GENESIS.state.account(PAYEE).balance) == 0
    assert sealed.root == specification.state_root(run.state)


def test_the_opcodes_see_the_header_and_the_chain() -> None:
    environment = environment_of(
        GENESIS.header, GENESIS.rules, GENESIS.state.fork(GENESIS.rules), 5, [GENESIS.hash]
    )
    assert (int(environment.chain_id), int(environment.time)) == (5, START)
    assert [bytes(one) for one in environment.block_hashes] == [GENESIS.hash]
    assert environment.block_gas_limit == GENESIS.header.gas_limit
