"""The ledger over a recorded run: true as it is, and red with the right cause after exactly one change."""

import msgspec
import pytest

from alys.oracles.statement import (
    BrokenFeed,
    Cause,
    DepositStatus,
    RequestStatus,
    Stage,
    Violation,
)
from alys.wire import bitcoin
from tests.oracles.recording import FIRST_HEIGHT, Recording, recorded

STRANGER = "0x" + "ee" * 20


def withdrawals(entry: dict[str, object]) -> list[dict[str, str]]:
    block = entry["block"]
    assert isinstance(block, dict)
    found: list[dict[str, str]] = block["withdrawals"]
    return found


def test_the_run_as_it_was_balances_to_the_last_wei() -> None:
    statement = recorded().ledger().check()
    statement.require_samples("mints", "refunds", "payouts", "signatures", "supply", "fee_shares")
    assert [line.status for line in statement.deposits] == [DepositStatus.CREDITED] * 2
    assert sorted(line.status for line in statement.requests) == [
        RequestStatus.REFUNDED,
        RequestStatus.SETTLED,
    ]
    assert statement.surplus_wei == sum(item.wei for item in statement.surplus) > 0
    assert statement.paid_sats == 30_000_000


def test_a_chain_that_starts_on_an_older_one_balances_without_what_that_one_did() -> None:
    whole, moved = recorded().ledger().check(), recorded().after(40)
    statement = moved.ledger().check()
    assert statement.surplus == whole.surplus
    assert statement.finalised_height == whole.finalised_height + 40
    assert statement.samples == whole.samples
    moved.terms = msgspec.structs.replace(moved.terms, evm_genesis_number=0)
    with pytest.raises(BrokenFeed, match="starts at block 40"):
        moved.ledger()


def test_every_earlier_moment_balances_too() -> None:
    """Cut the record at each height: deposits pending, requests owed, payouts unconfirmed."""
    whole = recorded()
    seen: set[object] = set()
    for height in range(1, len(whole.evm)):
        part = recorded()
        part.evm = part.evm[:height]
        # Bitcoin without its last block: the payout is not confirmed yet.
        part.bitcoin = part.bitcoin[:-1]
        ledger = part.ledger()
        statement = ledger.judge()
        assert ledger.violations == [], height
        seen.update(line.status for line in statement.deposits)
        seen.update(line.status for line in statement.requests)
    assert {DepositStatus.PENDING, DepositStatus.CREDITED, RequestStatus.OWED} <= seen


def test_a_tenth_of_a_mint_is_a_wrong_amount() -> None:
    record = recorded()
    entry = record.minting()
    own = withdrawals(entry)[0]
    own["amount"] = hex(int(own["amount"], 16) // 10)
    assert Cause.MINT_AMOUNT_WRONG in record.causes()


def test_a_mint_at_five_confirmations_is_early() -> None:
    record = recorded()
    record.bitcoin_height_at = FIRST_HEIGHT + 5  # the deposits are in the block after the first
    assert Cause.MINT_BEFORE_CONFIRMATIONS in record.causes()
    record.bitcoin_height_at = FIRST_HEIGHT + 6
    assert record.causes() == []


def test_a_second_mint_of_a_deposit_is_a_double_mint() -> None:
    record = recorded()
    first = record.minting()
    later = record.evm[record.evm.index(first) + 1]
    later["consensus"]["pegins"] = first["consensus"]["pegins"][:1]
    withdrawals(later).append(dict(withdrawals(first)[0]))
    assert Cause.DOUBLE_MINT in record.causes()


def test_a_listed_deposit_that_is_not_credited_is_missing() -> None:
    record = recorded()
    own = withdrawals(record.minting())[0]  # both deposits in one, as they credit one account
    own["amount"] = hex(int(own["amount"], 16) - 60_000_000 * 10)
    assert Cause.MINT_MISSING in record.causes()


def test_a_mint_without_a_deposit_on_bitcoin_is_named() -> None:
    record = recorded()
    record.minting()["consensus"]["pegins"][0]["txid"] = "cd" * 32
    assert Cause.MINT_WITHOUT_DEPOSIT in record.causes()


def test_one_withdrawal_too_many_is_unexplained() -> None:
    record = recorded()
    extra = {"index": "0x0", "validatorIndex": "0x0", "address": STRANGER, "amount": "0x1"}
    withdrawals(record.evm[2]).append(extra)
    causes = record.causes()
    assert Cause.UNEXPLAINED_WITHDRAWAL in causes
    assert Cause.SUPPLY_UNEXPLAINED in causes  # and the balances do not show it


def test_wei_from_nowhere_is_noticed_by_the_sum_of_all_balances() -> None:
    record = recorded()
    accounts = record.evm[-1]["dump"]["accounts"]
    accounts[STRANGER] = {"balance": "1", "nonce": 0}
    assert Cause.SUPPLY_UNEXPLAINED in record.causes()


def test_a_second_refund_is_named() -> None:
    record = recorded()
    refund = next(
        one for entry in record.evm for one in withdrawals(entry) if int(one["amount"], 16) == 10**7
    )
    withdrawals(record.evm[-1]).append(dict(refund))
    assert Cause.DOUBLE_REFUND in record.causes()


def payout_of(record: Recording) -> tuple[bitcoin.Block, int]:
    """The last Bitcoin block and the payout's place in it."""
    block = bitcoin.parse_block(bytes.fromhex(record.bitcoin[-1]))
    return block, next(n for n, tx in enumerate(block.txs) if not tx.is_coinbase)


def with_payout(record: Recording, tx: bitcoin.Tx) -> Recording:
    """The same chain with another payout; nobody here checks Bitcoin's merkle root."""
    block, place = payout_of(record)
    txs = tuple(tx if n == place else other for n, other in enumerate(block.txs))
    record.bitcoin[-1] = bitcoin.Block(header=block.header, txs=txs).serialize().hex()
    return record


def with_outputs(record: Recording, *sats: int) -> Recording:
    block, place = payout_of(record)
    tx = block.txs[place]
    outputs = tuple(
        bitcoin.TxOut(value=value, script=output.script)
        for value, output in zip(sats, tx.outputs, strict=True)
    )
    return with_payout(record, msgspec.structs.replace(tx, outputs=outputs))


def test_a_fee_paid_twice_is_named_whoever_bears_it() -> None:
    record = recorded()
    block, place = payout_of(record)
    paid, change = (output.value for output in block.txs[place].outputs)
    fee = 30_000_000 - paid
    assert Cause.PAYOUT_FEE_WRONG in with_outputs(recorded(), paid - fee, change).causes()
    assert Cause.FEDERATION_BORE_FEE in with_outputs(recorded(), paid, change - fee).causes()
    assert Cause.PAYEES_SHORTED in with_outputs(recorded(), paid - fee, change + fee).causes()


def test_a_payout_to_somebody_else_has_no_request() -> None:
    record = recorded()
    block, place = payout_of(record)
    tx = block.txs[place]
    stolen = bitcoin.TxOut(value=tx.outputs[0].value, script=b"\x00\x14" + b"\xee" * 20)
    changed = msgspec.structs.replace(tx, outputs=(stolen, tx.outputs[1]))
    assert Cause.PAYOUT_WITHOUT_REQUEST in with_payout(record, changed).causes()


def with_witness(record: Recording, index: int, item: bytes) -> Recording:
    block, place = payout_of(record)
    tx = block.txs[place]
    witness = list(tx.inputs[0].witness)
    witness[index] = item
    first = msgspec.structs.replace(tx.inputs[0], witness=tuple(witness))
    return with_payout(record, msgspec.structs.replace(tx, inputs=(first, *tx.inputs[1:])))


def test_signatures_are_counted_and_verified_one_by_one() -> None:
    block, place = payout_of(recorded())
    witness = block.txs[place].inputs[0].witness
    signed = next(n for n, item in enumerate(witness[:3]) if item)
    flipped = bytes([witness[signed][0] ^ 1]) + witness[signed][1:]
    bad = with_witness(recorded(), signed, flipped).causes()
    assert Cause.BAD_SIGNATURE in bad
    assert Cause.TOO_FEW_SIGNATURES in bad
    assert Cause.TOO_FEW_SIGNATURES in with_witness(recorded(), signed, b"").causes()


def test_paying_twice_is_named() -> None:
    record = recorded()
    block, place = payout_of(record)
    tx = block.txs[place]
    # The change of the first payout pays the same people once more.
    change = bitcoin.OutPoint(txid=tx.txid, vout=1)
    again = bitcoin.Tx(
        inputs=(bitcoin.TxIn(outpoint=change, sequence=0xFFFFFFFD, witness=tx.inputs[0].witness),),
        outputs=(tx.outputs[0],),
    )
    txs = (*block.txs, again)
    record.bitcoin[-1] = bitcoin.Block(header=block.header, txs=txs).serialize().hex()
    assert Cause.DOUBLE_PAYMENT in record.causes()


def test_a_payout_before_its_proposal_is_final_is_named() -> None:
    record = recorded()
    proposed = next(n for n, e in enumerate(record.evm) if e["consensus"]["payoutProposal"])
    record.evm = record.evm[: proposed + 1]
    assert Cause.PAYOUT_BEFORE_FINALITY in record.causes()


def test_a_fee_mint_that_is_not_four_fifths_to_the_miner_is_named() -> None:
    record = recorded()
    miner = "0xa11ce0" + "00" * 16 + "01"
    for entry in record.evm:
        for one in withdrawals(entry):
            if one["address"] == miner:
                one["amount"] = hex(int(one["amount"], 16) + 1)
                assert Cause.FEE_MINT_WRONG in record.causes()
                return
    pytest.fail("the recorded run has no fee mint")


def test_check_raises_the_first_violation_with_both_sides_and_the_culprit() -> None:
    record = recorded()
    entry = record.minting()
    key = "{txid}:{vout}".format(**entry["consensus"]["pegins"][0])
    entry["block"]["withdrawals"] = []
    with pytest.raises(Violation) as violation:
        record.ledger().check()
    assert violation.value.culprit == key
    assert "expected" in str(violation.value)


def test_a_gap_in_the_feed_is_the_feeders_fault() -> None:
    for chain in ("bitcoin", "evm"):
        record = recorded()
        del getattr(record, chain)[3]
        with pytest.raises(BrokenFeed, match=chain):
            record.ledger()


def test_a_block_whose_consensus_block_is_not_there_yet_waits() -> None:
    record = recorded()
    ledger = record.ledger()
    short = recorded()
    ledger = type(ledger)(short.terms)
    for height, raw in enumerate(short.bitcoin, FIRST_HEIGHT):
        ledger.feed_bitcoin_block(height, raw)
    for entry in short.evm:
        ledger.feed_evm_block(
            entry["block"], entry["receipts"], None, bitcoin_height=short.bitcoin_height_at
        )
    for entry in short.evm[:-1]:
        ledger.feed_consensus_block(entry["consensus"])
    assert ledger.judge().unjudged_evm_blocks == 1


def test_what_is_called_final_must_be_covered_by_work() -> None:
    record = recorded()
    ledger = record.ledger()
    assert ledger.check().samples["finality"] == 0  # nobody said what is final: nothing was checked
    covered = ledger.check().finalised_height
    ledger.feed_finality(covered)
    assert ledger.check().samples["finality"] == 1
    ledger.feed_finality(covered + 1)
    with pytest.raises(Violation) as violation:
        ledger.check()
    assert violation.value.cause is Cause.FINALITY_WITHOUT_WORK


def test_a_final_block_that_leaves_the_chain_is_named_for_good() -> None:
    record = recorded()
    ledger = record.ledger()
    final = ledger.check().finalised_height
    old = record.evm[final]
    fork = {**old["block"], "hash": "0x" + "f0" * 32}
    ledger.feed_evm_block(fork, old["receipts"], None, bitcoin_height=record.bitcoin_height_at)
    reverted = {"cause": Cause.FINALISED_BLOCK_REVERTED, "culprit": old["block"]["hash"]}
    for _ in range(2):
        findings = ledger.judge().violations
        assert reverted in [{"cause": one.cause, "culprit": one.culprit} for one in findings]


def test_a_block_that_is_not_final_may_leave_the_chain() -> None:
    record = recorded()
    ledger = record.ledger()
    head = record.evm[-1]
    assert ledger.check().finalised_height < len(record.evm) - 1
    fork = {**head["block"], "hash": "0x" + "f0" * 32}
    ledger.feed_evm_block(fork, head["receipts"], None, bitcoin_height=record.bitcoin_height_at)
    assert ledger.check().unjudged_evm_blocks == 1


def test_the_statement_carries_what_check_raises() -> None:
    record = recorded()
    record.minting()["block"]["withdrawals"] = []
    ledger = record.ledger()
    findings = ledger.judge().violations
    assert [one.culprit for one in findings] == [one.culprit for one in ledger.violations]
    with pytest.raises(Violation) as violation:
        ledger.check()
    assert violation.value.finding == findings[0]
    assert findings[0].meaning in str(violation.value)


def test_a_payout_in_the_memory_pool_moves_no_money() -> None:
    record = recorded()
    block, place = payout_of(record)
    record.bitcoin.pop()
    ledger = record.ledger()
    ledger.feed_mempool_tx(block.txs[place].serialize().hex())
    statement = ledger.check()
    assert (statement.paid_sats, statement.samples["payouts"]) == (0, 1)
    assert Stage.IN_MEMPOOL in [line.stage for line in statement.requests]
