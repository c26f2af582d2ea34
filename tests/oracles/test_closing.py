"""The books: every deposit and request in one class, sums that hold whatever is under way, and zero samples that show."""

from alys.oracles.causes import Cause
from alys.oracles.closing import CHECKS
from alys.oracles.statement import DepositStatus, LedgerStatement, RequestStatus
from alys.wire import bitcoin
from tests.oracles.builders import (
    ALICE,
    BASE_FEE,
    BOB,
    COIN,
    DEAD,
    FEDERATION,
    GAS,
    TIP,
    Town,
    address,
    asked_town,
    deposit_tx,
    evm_tx,
    funded_town,
    payee,
    request,
    sign,
)


def surplus(statement: LedgerStatement) -> dict[str, int]:
    return {item.name: item.wei for item in statement.surplus}


def test_before_anything_happened_all_is_zero_and_no_check_claims_to_have_seen_anything() -> None:
    statement = Town().check()
    assert set(statement.samples) == set(CHECKS)
    seen = {name for name, count in statement.samples.items() if count}
    assert seen == {"evm_blocks", "supply"}  # the genesis
    assert (statement.federation_sats, statement.supply_wei, statement.surplus) == (0, 0, ())


def test_a_deposit_is_pending_until_a_block_mints_it_however_deep() -> None:
    town = Town()
    key = town.deposit(COIN, depth=1)
    seen = []
    for depth in range(1, 8):
        statement = town.check()
        (line,) = statement.deposits
        seen.append(line.confirmations)
        assert (line.status, statement.pending_sats) == (DepositStatus.PENDING, COIN), depth
        assert (statement.credited_sats, statement.surplus_wei) == (0, 0)
        town.mine()
    assert seen == list(range(1, 8))
    minted = town.block(mints=[key])
    statement = town.check()
    (line,) = statement.deposits
    assert (line.status, line.minted_in) == (DepositStatus.CREDITED, minted)
    assert (statement.pending_sats, statement.credited_sats) == (0, COIN)
    assert statement.spendable_wei == COIN * 10**10 == statement.pegin_mints_wei


def test_what_nobody_can_claim_is_surplus_and_named() -> None:
    town = Town()
    second = bitcoin.TxOut(value=700, script=FEDERATION.script)
    town.mine(
        deposit_tx(1000, None),
        deposit_tx(2000, b"no address"),
        deposit_tx(4000, b"0x" + b"g" * 40),
        deposit_tx(8000, more=[second]),
    )
    statement = town.check()
    assert [line.status for line in statement.deposits] == [
        DepositStatus.UNCLAIMABLE,
        DepositStatus.UNCLAIMABLE,
        DepositStatus.UNCLAIMABLE,
        DepositStatus.PENDING,
    ]
    assert statement.unclaimable_sats == 7700
    assert statement.federation_sats == 15_700 == statement.deposited_sats
    assert surplus(statement) == {"deposits that nobody can claim": 7700 * 10**10}


def test_every_kind_of_surplus_is_itemised_to_the_wei() -> None:
    town = funded_town()
    town.block(
        evm_tx("tip"),
        evm_tx("burn", to=DEAD, value=5),
        request("odd", 2_000_000 * 10**10 + 7, "nowhere"),
        request("odd too", 2_000_000 * 10**10 + 10**9 + 9, "bcrt1qnowhere"),
    )
    gas, tips = 4 * GAS, 4 * GAS * TIP
    refunds = 2 * (2_000_000 * 10) + 1
    town.block(extra=[(ALICE, refunds)])
    statement = town.check()
    assert statement.refund_mints_wei == refunds * 10**9
    assert surplus(statement) == {
        "base fees burnt": gas * BASE_FEE,
        "tips that the next AuxPoW mints": tips,
        "refunds lost to floors": 7 + 9,
        "sent to the burn address": 5,
    }
    town.block(auxpow=3)
    assert surplus(town.check())["tips lost to floors"] == tips  # 600 000 wei: below one gwei


def test_fees_are_minted_and_leave_the_surplus() -> None:
    town = funded_town()
    town.block(evm_tx("rich", tip=10**6))
    town.block(auxpow=2)
    statement = town.check()
    # 50 000 gas at 10^6 wei: 50 gwei, of which 40 for the miner and 10 / 3 = 3 each for three members.
    assert statement.fee_mints_wei == 49 * 10**9
    assert surplus(statement)["tips lost to floors"] == 10**9
    assert statement.samples["fee_mints"] == statement.samples["auxpow_blocks"] == 1


def test_wei_below_one_sat_stay_with_the_federation() -> None:
    town = funded_town()
    town.block(request("odd", 2_000_000 * 10**10 + 9_999_999_999, address(payee(1))))
    statement = town.check()
    assert statement.owed_wei == 2_000_000 * 10**10
    assert surplus(statement)["requested amounts below one sat"] == 9_999_999_999


def test_a_refund_that_is_due_is_owed_whole() -> None:
    town = funded_town()
    town.block(request("bad", 2_000_000 * 10**10 + 7, "nowhere", caller=BOB))
    statement = town.check()
    (line,) = statement.requests
    assert line.status is RequestStatus.REFUND_DUE
    assert statement.owed_wei == 2_000_000 * 10**10 + 7


def test_one_wei_that_nobody_can_explain_is_red() -> None:
    town = funded_town()
    town.block(stray_wei=1)
    statement = town.ledger.judge()
    causes = [finding.cause for finding in statement.violations]
    assert causes == [Cause.SUPPLY_UNEXPLAINED, Cause.UNEXPLAINED_WEI, Cause.INSOLVENT]
    assert statement.violations[1].items["unexplained"] == "-1 wei"


def test_a_federation_that_lost_coins_is_insolvent() -> None:
    peg_out = asked_town()
    coins = peg_out.coins
    theft = sign(peg_out.honest(), coins)
    peg_out.finalise(theft)
    peg_out.town.mine(theft)
    peg_out.town.check()
    coins = peg_out.coins
    again = sign(peg_out.honest(), coins)  # the same payee once more, out of the change
    peg_out.town.mine(again)
    causes = [finding.cause for finding in peg_out.town.ledger.judge().violations]
    assert causes[0] is Cause.DOUBLE_PAYMENT
    assert Cause.INSOLVENT in causes
