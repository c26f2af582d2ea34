"""What an EVM block says about money, read from JSON as clients show it."""

from typing import Any

import pytest

from alys.oracles.causes import Cause
from alys.oracles.evm_side import Balances, EvmBlock, EvmSide, Request, balances_of_dump, read_block
from alys.oracles.statement import BrokenFeed
from tests.oracles.builders import (
    ALICE,
    BASE_FEE,
    BOB,
    DEAD,
    FEDERATION,
    GAS,
    TERMS,
    EvmTx,
    address,
    digest,
    evm_tx,
    payee,
    request,
)

Json = dict[str, Any]
ENOUGH = 1_000_000 * 10**10


def block(*txs: EvmTx, number: int = 1, parent: str = "0x00", **more: Any) -> Json:
    return {
        "number": hex(number),
        "hash": "0x" + digest(number, parent, more),
        "parentHash": parent,
        "baseFeePerGas": hex(BASE_FEE),
        "gasUsed": hex(sum(tx.gas for tx in txs)),
        "miner": DEAD,
        "transactions": [tx.json for tx in txs],
        "withdrawals": [],
        **more,
    }


def read(*txs: EvmTx, **more: Any) -> EvmBlock:
    return read_block(block(*txs, **more), [tx.receipt for tx in txs], None, TERMS)


def causes(found: EvmBlock) -> list[Cause]:
    return [complaint.cause for complaint in found.complaints]


def asked(text: str, wei: int = ENOUGH) -> Request:
    (found,) = read(request("r", wei, text)).requests
    return found


def test_base_fees_are_burnt_and_tips_are_what_is_paid_above() -> None:
    found = read(evm_tx("a"), evm_tx("b", gas=21_000, tip=5))
    assert found.base_fees_wei == (GAS + 21_000) * BASE_FEE
    assert found.tips_wei == GAS * 3 + 21_000 * 5
    assert causes(found) == []


def test_the_fee_cap_limits_the_tip() -> None:
    tx = evm_tx("a", tip=2)
    tx.json["maxPriorityFeePerGas"] = hex(9)
    tx.json["maxFeePerGas"] = hex(BASE_FEE + 2)
    assert (read(tx).tips_wei, causes(read(tx))) == (GAS * 2, [])


def test_a_transaction_of_the_old_kind_tips_the_rest_of_its_price() -> None:
    tx = evm_tx("a", tip=4)
    del tx.json["maxFeePerGas"], tx.json["maxPriorityFeePerGas"]
    tx.json["gasPrice"] = hex(BASE_FEE + 4)
    assert (read(tx).tips_wei, causes(read(tx))) == (GAS * 4, [])


def test_value_to_the_burn_address_is_gone_unless_it_failed() -> None:
    assert read(evm_tx("a", to=DEAD.upper().replace("X", "x"), value=7)).direct_burns_wei == 7
    assert read(evm_tx("a", to=DEAD, value=7, status=0)).direct_burns_wei == 0
    assert read(evm_tx("a", to=BOB, value=7)).direct_burns_wei == 0


def test_a_request_is_read_from_the_bridges_own_event() -> None:
    ask = request("r", ENOUGH + 9_999_999_999, address(payee(1)), caller=BOB)
    (found,) = read(ask).requests
    assert found.key == ask.json["hash"] + ":0"
    assert (found.caller, found.wei, found.sats) == (BOB, ENOUGH + 9_999_999_999, 1_000_000)
    assert found.script == payee(1)


@pytest.mark.parametrize("field", ["address", "topics"])
def test_an_event_of_another_contract_or_kind_is_no_request(field: str) -> None:
    ask = request("r", ENOUGH, address(payee(1)))
    (log,) = ask.receipt["logs"]
    log[field] = ALICE if field == "address" else ["0x" + "11" * 32]
    assert read(ask).requests == ()


def test_a_request_that_cannot_be_paid_has_no_script() -> None:
    good = address(payee(1))
    assert asked(good).script == payee(1)
    assert asked("nowhere").script is None
    assert asked("").script is None
    assert asked("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4").script is None  # another network
    assert asked(good[:-1] + ("q" if good[-1] != "q" else "p")).script is None
    assert asked("ü" + good).script is None
    assert asked(good, ENOUGH - 1).script is None
    assert asked(address(FEDERATION.script)).script is None


def test_receipts_must_fit_their_transactions() -> None:
    tx, other = evm_tx("a"), evm_tx("b")
    missing = read_block(block(tx), [], None, TERMS)
    exchanged = read_block(block(tx), [other.receipt], None, TERMS)
    assert causes(missing) == causes(exchanged) == [Cause.RECEIPTS_WRONG]
    assert causes(read(tx, gasUsed=hex(GAS + 1))) == [Cause.RECEIPTS_WRONG]
    tx.receipt["effectiveGasPrice"] = hex(BASE_FEE + 99)
    assert causes(read(tx)) == [Cause.RECEIPTS_WRONG]


def test_tips_must_go_to_the_burn_address() -> None:
    (complaint,) = read(miner=ALICE).complaints
    assert (complaint.cause, complaint.actual) == (Cause.FEE_RECIPIENT_WRONG, ALICE)
    assert causes(read(number=0, miner=ALICE)) == []  # nobody chose the genesis' recipient


def test_balances_are_summed_in_either_manner() -> None:
    dump = {
        "accounts": {
            ALICE: {"balance": "12"},
            "0x000000000000000000000000000000000000dEaD": {"balance": "0x10"},
        }
    }
    assert balances_of_dump(dump) == Balances(total_wei=28, burn_wei=16)


def side_of(count: int) -> tuple[EvmSide, list[Json]]:
    side, made = EvmSide(TERMS), [block(number=0)]
    for number in range(1, count):
        made.append(block(number=number, parent=made[-1]["hash"]))
    for one in made:
        assert side.feed(one, [], None) == []
    return side, made


def test_a_block_on_an_older_parent_pushes_the_newer_ones_off() -> None:
    side, made = side_of(4)
    sibling = block(number=2, parent=made[1]["hash"], extra="fork")
    gone = side.feed(sibling, [], None)
    assert [one.hash for one in gone] == [made[2]["hash"], made[3]["hash"]]
    assert side.height == 2
    assert side.knows(sibling["hash"])
    assert not side.knows(made[2]["hash"])


def test_the_same_block_again_may_bring_its_balances() -> None:
    side, made = side_of(2)
    side.feed(made[1], [], Balances(total_wei=5, burn_wei=0))
    side.feed(made[1], [], None)
    assert len(side.blocks) == 2
    assert side.blocks[1].balances == Balances(total_wei=5, burn_wei=0)


def test_unwinding_takes_all_above_with_it() -> None:
    side, made = side_of(4)
    assert [one.number for one in side.unwind(made[2]["hash"])] == [2, 3]
    assert side.height == 1
    with pytest.raises(BrokenFeed, match="not canonical"):
        side.unwind(made[3]["hash"])


def test_gaps_are_the_feeders_fault() -> None:
    with pytest.raises(BrokenFeed, match="not at the genesis"):
        EvmSide(TERMS).feed(block(number=2), [], None)
    side, made = side_of(2)
    with pytest.raises(BrokenFeed, match="unknown"):
        side.feed(block(number=2, parent="0xabcd"), [], None)
    with pytest.raises(BrokenFeed, match="does not follow"):
        side.feed(block(number=3, parent=made[1]["hash"]), [], None)
