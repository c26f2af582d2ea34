"""The sum of all balances, block by block: withdrawals make ether, base fees destroy it, and nothing else does anything."""

import pytest

from alys.oracles.causes import Cause
from alys.oracles.evm_side import Balances, EvmBlock
from alys.oracles.supply import SupplyJudge
from tests.oracles.builders import ALICE, DEAD, evm_tx, funded_town


def block(
    number: int,
    balances: tuple[int, int] | None,
    *,
    withdrawals: tuple[tuple[str, int], ...] = (),
    base_fees: int = 0,
    tips: int = 0,
    direct: int = 0,
) -> EvmBlock:
    return EvmBlock(
        number=number,
        hash=f"0x{number}",
        parent=f"0x{number - 1}",
        base_fees_wei=base_fees,
        tips_wei=tips,
        direct_burns_wei=direct,
        withdrawals=withdrawals,
        requests=(),
        balances=None
        if balances is None
        else Balances(total_wei=balances[0], burn_wei=balances[1]),
        complaints=(),
    )


def judged(*blocks: EvmBlock, genesis: int = 0) -> SupplyJudge:
    judge = SupplyJudge(genesis)
    judge.run(blocks)
    return judge


def causes(*blocks: EvmBlock, genesis: int = 0) -> list[Cause]:
    return [found.cause for found in judged(*blocks, genesis=genesis).violations]


def test_withdrawals_count_in_gwei_and_base_fees_are_gone() -> None:
    mint = ((ALICE, 5),)
    judge = judged(
        block(0, (100, 0)),
        block(1, (5 * 10**9 + 100 - 30, 0), withdrawals=mint, base_fees=30),
        genesis=100,
    )
    assert judge.violations == []
    assert judge.samples["supply"] == 2


@pytest.mark.parametrize("off", [-1, 1, 10**9])
def test_one_wei_more_or_less_is_named_with_the_block(off: int) -> None:
    (found,) = judged(block(0, (100, 0)), block(1, (100 + off, 0)), genesis=100).violations
    assert (found.cause, found.culprit) == (Cause.SUPPLY_UNEXPLAINED, "0x1")
    assert (found.expected, found.actual) == ("100 wei", f"{100 + off} wei")
    assert found.items == {"difference": f"{off} wei"}


def test_a_genesis_of_another_sum_is_named() -> None:
    assert causes(block(0, (100, 0)), genesis=99) == [Cause.SUPPLY_UNEXPLAINED]


def test_what_reached_the_burn_address_stays_there() -> None:
    blocks = [
        block(0, (100, 7)),
        block(
            1, (100 + 2 * 10**9, 7 + 3 + 4 + 2 * 10**9), withdrawals=((DEAD, 2),), tips=3, direct=4
        ),
    ]
    assert causes(*blocks, genesis=100) == []
    short = block(
        1, (100 + 2 * 10**9, 7 + 3 + 4 + 2 * 10**9 - 1), withdrawals=((DEAD, 2),), tips=3, direct=4
    )
    assert causes(blocks[0], short, genesis=100) == [Cause.BURN_ADDRESS_SHORT]


def test_more_on_the_burn_address_is_nobodys_loss() -> None:
    """A contract may send ether there without a transaction that shows it."""
    assert causes(block(0, (100, 0)), block(1, (100, 50)), genesis=100) == []


def test_a_block_without_balances_adds_to_the_sums_of_the_next() -> None:
    judge = judged(
        block(0, (100, 0)),
        block(1, None, base_fees=10),
        block(2, (70, 0), base_fees=20),
        genesis=100,
    )
    assert judge.violations == []
    assert (judge.samples["supply"], judge.last.total_wei) == (2, 70)


def test_it_holds_over_blocks_of_all_kinds() -> None:
    town = funded_town()
    town.block(evm_tx("a"), evm_tx("b", to=DEAD, value=5, tip=10**6))
    town.block(auxpow=2, extra=[])
    statement = town.check()
    assert statement.samples["supply"] == 4
    assert statement.supply_wei == statement.pegin_mints_wei + statement.fee_mints_wei - (
        statement.base_fees_burnt_wei
    )
