"""Each rule of consensus that can be judged without the chain, by Core's reject reason."""

from typing import Any

import msgspec
import pytest

from alys.models.bitcoin import rules
from alys.models.bitcoin.rules import Rejected
from alys.wire import bitcoin
from alys.wire.bitcoin import Block, OutPoint, Tx, TxIn, TxOut
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import FINAL, SCRIPT, START

COIN = builders.COIN
NULL = OutPoint(txid=bitcoin.NULL_HASH, vout=bitcoin.NULL_VOUT)
PLACE = OutPoint(txid="aa" * 32, vout=0)
MEDIAN = START


def tx(**changes: Any) -> Tx:
    made = Tx(inputs=(TxIn(outpoint=PLACE),), outputs=(TxOut(value=COIN, script=SCRIPT),))
    return msgspec.structs.replace(made, **changes)


def block(**changes: Any) -> Block:
    """A good block of height 1 with one payment."""
    return builders.block_on_tip(builders.make_node(), [tx(**changes)])


def reason(check: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(Rejected) as refused:
        check(*arguments, **named)
    return refused.value.reason


def test_the_subsidy_halves_every_150_blocks_until_nothing_is_left() -> None:
    heights = (0, 149, 150, 299, 300, 150 * 32, 150 * 33, 150 * 70)
    sats = [50 * COIN, 50 * COIN, 25 * COIN, 25 * COIN, 1_250_000_000, 1, 0, 0]
    assert [rules.subsidy(height) for height in heights] == sats


@pytest.mark.parametrize(
    ("height", "script"),
    [
        (0, "00"),
        (1, "51"),
        (16, "60"),
        (17, "0111"),
        (127, "017f"),
        (128, "028000"),
        (255, "02ff00"),
        (256, "020001"),
        (32767, "02ff7f"),
        (32768, "03008000"),
    ],
)
def test_a_height_is_written_as_a_script_number(height: int, script: str) -> None:
    assert rules.height_script(height).hex() == script


def test_mining_finds_the_first_nonce_and_changes_nothing_else() -> None:
    header = block().header
    again = rules.mined(msgspec.structs.replace(header, nonce=12345))
    assert again == header
    rules.check_work(header)
    for nonce in range(header.nonce):
        lower = msgspec.structs.replace(header, nonce=nonce)
        assert reason(rules.check_work, lower) == "high-hash"


def test_work_below_regtests_least_is_no_work() -> None:
    easier = msgspec.structs.replace(block().header, bits=0x2100FFFF)
    assert bitcoin.meets_target(easier.hash, easier.bits)
    assert reason(rules.check_work, easier) == "high-hash"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"bits": 0x1F7FFFFF}, "bad-diffbits"),
        ({"time": MEDIAN}, "time-too-old"),
        ({"time": START + 7201}, "time-too-new"),
        ({"version": 3}, "bad-version(0x00000003)"),
        ({"version": -1}, "bad-version(0xffffffff)"),
    ],
)
def test_a_header_that_breaks_a_rule(changes: dict[str, int], expected: str) -> None:
    header = msgspec.structs.replace(block().header, **changes)
    assert reason(rules.check_header, header, MEDIAN, START) == expected


def test_a_header_at_the_edges_is_good() -> None:
    header = block().header
    for time in (MEDIAN + 1, START + 7200):
        edge = msgspec.structs.replace(header, time=time, version=4)
        rules.check_header(edge, MEDIAN, START)


def test_a_good_block_passes() -> None:
    good = block()
    rules.check_block(good)
    rules.check_block_at(good, 1, MEDIAN)
    assert rules.block_weight(good) == (
        3 * (81 + sum(len(one.serialize(witness=False)) for one in good.txs))
        + len(good.serialize())
    )


def test_a_block_whose_merkle_root_is_not_of_its_transactions() -> None:
    wrong = builders.with_header(block(), merkle_root="11" * 32)
    assert reason(rules.check_block, wrong) == "bad-txnmrklroot"


def test_a_block_with_a_repeated_tail_has_the_same_root_and_is_refused() -> None:
    good = block()
    three = builders.with_txs(good, good.txs[0], good.txs[1], tx(locktime=9))
    padded = Block(header=three.header, txs=(*three.txs, three.txs[2]))
    rules.check_block(three)
    assert reason(rules.check_block, padded) == "bad-txns-duplicate"


def test_a_block_has_one_coinbase_and_it_comes_first() -> None:
    good = block()
    coinbase, other = good.txs
    assert reason(rules.check_block, builders.with_txs(good, other)) == "bad-cb-missing"
    assert reason(rules.check_block, builders.with_txs(good, other, coinbase)) == "bad-cb-missing"
    second = msgspec.structs.replace(coinbase, locktime=1)
    doubled = builders.with_txs(good, coinbase, second)
    assert reason(rules.check_block, doubled) == "bad-cb-multiple"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"inputs": ()}, "bad-txns-vin-empty"),
        ({"outputs": ()}, "bad-txns-vout-empty"),
        ({"outputs": (TxOut(value=-1, script=b""),)}, "bad-txns-vout-negative"),
        ({"outputs": (TxOut(value=21 * 10**14 + 1, script=b""),)}, "bad-txns-vout-toolarge"),
        ({"outputs": (TxOut(value=11 * 10**14, script=b""),) * 2}, "bad-txns-txouttotal-toolarge"),
        ({"inputs": (TxIn(outpoint=PLACE),) * 2}, "bad-txns-inputs-duplicate"),
        ({"inputs": (TxIn(outpoint=PLACE), TxIn(outpoint=NULL))}, "bad-txns-prevout-null"),
        ({"inputs": (TxIn(outpoint=NULL, script_sig=b"1"),)}, "bad-cb-length"),
        ({"inputs": (TxIn(outpoint=NULL, script_sig=bytes(101)),)}, "bad-cb-length"),
    ],
)
def test_a_transaction_that_breaks_a_rule(changes: dict[str, Any], expected: str) -> None:
    rules.check_transaction(tx())
    assert reason(rules.check_transaction, tx(**changes)) == expected


def test_the_coinbase_begins_with_the_blocks_height() -> None:
    assert reason(rules.check_block_at, block(), 2, MEDIAN) == "bad-cb-height"


def test_a_block_holds_no_transaction_before_its_lock_time() -> None:
    waiting = (TxIn(outpoint=PLACE, sequence=0),)
    early = block(inputs=waiting, locktime=1)
    assert reason(rules.check_block_at, early, 1, MEDIAN) == "bad-txns-nonfinal"
    rules.check_block_at(block(inputs=waiting, locktime=0), 1, MEDIAN)


@pytest.mark.parametrize(
    ("locktime", "sequence", "final"),
    [
        (0, 0, True),
        (99, 0, True),
        (100, 0, False),
        (100, FINAL, True),
        (499_999_999, 0, False),
        (500_000_000, 0, True),
        (MEDIAN - 1, 0, True),
        (MEDIAN, 0, False),
    ],
)
def test_a_lock_time_is_a_height_or_a_median_time(
    locktime: int, sequence: int, final: bool
) -> None:
    one = tx(locktime=locktime, inputs=(TxIn(outpoint=PLACE, sequence=sequence),))
    assert rules.is_final(one, 100, MEDIAN) is final


def test_witnesses_need_a_commitment_and_the_commitment_must_fit() -> None:
    stuffed = (TxIn(outpoint=PLACE, witness=(b"w",)),)
    good = block(inputs=stuffed)
    rules.check_block_at(good, 1, MEDIAN)
    bare = builders.with_coinbase(good, outputs=good.txs[0].outputs[:1])
    assert reason(rules.check_block_at, bare, 1, MEDIAN) == "unexpected-witness"
    other = msgspec.structs.replace(good.txs[1], inputs=(TxIn(outpoint=PLACE, witness=(b"x",)),))
    swapped = builders.with_txs(good, good.txs[0], other)
    assert swapped.header.merkle_root == good.header.merkle_root
    assert reason(rules.check_block_at, swapped, 1, MEDIAN) == "bad-witness-merkle-match"


def test_a_block_without_any_witness_needs_no_commitment() -> None:
    plain = builders.with_coinbase_input(block(), witness=())
    none = builders.with_coinbase(plain, outputs=plain.txs[0].outputs[:1])
    rules.check_block_at(none, 1, MEDIAN)
    assert reason(rules.check_block_at, plain, 1, MEDIAN) == "bad-witness-nonce-size"


@pytest.mark.parametrize("witness", [(bytes(31),), (bytes(32), bytes(32)), (b"",)])
def test_the_reserved_value_is_one_item_of_32_bytes(witness: tuple[bytes, ...]) -> None:
    odd = builders.with_coinbase_input(block(), witness=witness)
    assert reason(rules.check_block_at, odd, 1, MEDIAN) == "bad-witness-nonce-size"


def test_the_reserved_value_may_be_any_that_the_commitment_was_made_with() -> None:
    reserved = b"\x07" * 32
    good = builders.with_coinbase_input(block(), witness=(reserved,))
    assert reason(rules.check_block_at, good, 1, MEDIAN) == "bad-witness-merkle-match"
    script = rules.witness_commitment(good.txs, reserved)
    outputs = (good.txs[0].outputs[0], TxOut(value=0, script=script))
    rules.check_block_at(builders.with_coinbase(good, outputs=outputs), 1, MEDIAN)


def test_the_last_output_that_looks_like_a_commitment_is_it() -> None:
    good = block()
    pay, commitment = good.txs[0].outputs
    false = TxOut(value=0, script=rules.WITNESS_MAGIC + bytes(32))
    short = TxOut(value=0, script=rules.WITNESS_MAGIC + bytes(31))
    places = [
        ((pay, commitment), 1),
        ((commitment, pay, false), 2),
        ((pay, commitment, short), 1),
        ((pay, short), None),
    ]
    for outputs, place in places:
        assert rules.committed_at(msgspec.structs.replace(good.txs[0], outputs=outputs)) == place


def test_a_block_above_four_million_weight_units() -> None:
    big = TxOut(value=0, script=bytes(999_000))
    room = block(outputs=(big,))
    rules.check_block_at(room, 1, MEDIAN)
    full = block(outputs=(big, TxOut(value=0, script=bytes(1_000))))
    assert reason(rules.check_block_at, full, 1, MEDIAN) == "bad-blk-weight"


def spend(secret: bytes = builders.SECRET) -> tuple[Tx, list[TxOut]]:
    spent = tx()
    return builders.payment(spent, secret=secret), list(spent.outputs)


def test_a_signed_input_passes_and_a_foreign_signature_does_not() -> None:
    rules.check_scripts(*spend())
    with pytest.raises(Rejected) as refused:
        rules.check_scripts(*spend(builders.PAYEE_SECRET))
    assert refused.value.reason.startswith("mandatory-script-verify-flag-failed (")
    assert refused.value.detail.startswith("input 0 of ")


def test_the_reason_says_whether_a_script_was_run_for_the_mempool() -> None:
    one = tx(inputs=(TxIn(outpoint=PLACE, script_sig=b"\x51"),))  # one item too many is left
    prevouts = [TxOut(value=COIN, script=b"\x51")]
    rules.check_scripts(one, prevouts)
    told = reason(rules.check_scripts, one, prevouts, policy=True)
    assert told.startswith("mempool-script-verify-flag-failed (")
    never = [TxOut(value=COIN, script=b"\x00")]
    told = reason(rules.check_scripts, tx(), never)
    assert told.startswith("mandatory-script-verify-flag-failed (")


def test_a_block_has_limits_before_anything_in_it_is_looked_up() -> None:
    node = builders.make_node(1)
    block = builders.block_on_tip(node)
    empty = builders.with_txs(block)
    assert reason(rules.check_block, empty) == "bad-blk-length"
    first = block.txs[0]
    for count, told in ((20_001, "bad-blk-sigops"), (1_000_001, "bad-blk-length")):
        out = TxOut(value=0, script=b"\xac" * count)
        many = builders.with_coinbase(block, outputs=(*first.outputs, out))
        assert reason(rules.check_block, many) == told
