"""Bytes of the real chain and of BIP143 go in and come out unchanged; everything a node refuses to read is refused."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.wire import bitcoin_codec as codec
from alys.wire.bitcoin_codec import Block, MalformedBitcoin, OutPoint, Tx, TxIn, TxOut

GENESIS_HEADER = (
    "01000000" + "00" * 32 + "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a"
    "29ab5f49ffff001d1dac2b7c"
)
GENESIS_HASH = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
# BIP143's signed native P2WPKH example.
SEGWIT_TX = (
    "01000000000102fff7f7881a8099afa6940d42d1e7f6362bec38171ea3edf433541db4e4ad969f00000000494830450221008b9d1dc26ba6a9cb"
    "62127b02742fa9d754cd3bebf337f7a55d114c8e5cdd30be022040529b194ba3f9281a99f2b1c0a19c0489bc22ede944ccf4ecbab4cc618ef3"
    "ed01eeffffffef51e1b804cc89d182d279655c3aa89e815b1b309fe287d9b2b55d57b90ec68a0100000000ffffffff02202cb206000000001976"
    "a9148280b37df378db99f66f85c95a783a76ac7a6d5988ac9093510d000000001976a9143bde42dbee7e4dbe6a21b2d50ce2f0167faa815988ac"
    "000247304402203609e17b84f6a7d30c80bfa610b5b4542f32a8a0d5447a12fb1366d7f01cc44a0220573a954c4518331561406f90300e8f3358"
    "f51928d43c212a8caed02de67eebee0121025476c2e83188368da1ff3e292e7acafcdb3566bb0ad253f62fc70f07aeee635711000000"
)
# Block 100000 of the main chain.
TXIDS = [
    "8c14f0db3df150123e6f3dbbf30f8b955a8249b62ac1d1ff16284aefa3d06d87",
    "fff2525b8931402dd09222c50775608f75787bd2b87e56995a7bdd30f79702c4",
    "6359f0868171b1d194cbee1af2f16ea598ae8fad666d9b012c8ed2b79a236ec4",
    "e9a66845e05d5abc0ad04ec80f774a7e585c6e8db975962d069a522137b80c1d",
]
ROOT = "f3e94742aca4b5ef85488dc37c06c3282295ffec960994b2c0d5ac2a25a95766"

hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
inputs = st.builds(
    TxIn,
    outpoint=st.builds(OutPoint, txid=hashes, vout=st.integers(0, 2**32 - 1)),
    script_sig=st.binary(max_size=300),
    sequence=st.integers(0, 2**32 - 1),
    witness=st.lists(st.binary(max_size=300), max_size=3).map(tuple),
)
outputs = st.builds(TxOut, value=st.integers(0, 2**62), script=st.binary(max_size=300))
txs = st.builds(
    Tx,
    version=st.integers(0, 2**32 - 1),
    inputs=st.lists(inputs, min_size=1, max_size=4).map(tuple),
    outputs=st.lists(outputs, max_size=4).map(tuple),
    locktime=st.integers(0, 2**32 - 1),
)


def small_tx(witness: tuple[bytes, ...] = ()) -> Tx:
    place = OutPoint(txid="11" * 32, vout=1)
    return Tx(
        inputs=(TxIn(outpoint=place, witness=witness),),
        outputs=(TxOut(value=5, script=b"\x51"),),
    )


def test_the_genesis_header_of_the_main_chain_has_its_hash_and_its_work() -> None:
    header = codec.parse_header(bytes.fromhex(GENESIS_HEADER))
    assert header.hash == GENESIS_HASH
    assert header.serialize().hex() == GENESIS_HEADER
    assert (header.time, header.bits, header.nonce) == (1231006505, 0x1D00FFFF, 2083236893)
    assert codec.meets_target(header.hash, header.bits)
    other = msgspec.structs.replace(header, nonce=header.nonce + 1)
    assert not codec.meets_target(other.hash, other.bits)


def test_a_segwit_transaction_is_read_whole_and_written_back() -> None:
    tx = codec.parse_tx(bytes.fromhex(SEGWIT_TX))
    assert tx.serialize().hex() == SEGWIT_TX
    assert (len(tx.inputs), len(tx.outputs), tx.locktime) == (2, 2, 17)
    assert [len(txin.witness) for txin in tx.inputs] == [0, 2]
    assert tx.outputs[0].value == 112_340_000
    assert tx.txid != tx.wtxid


def test_weight_counts_witness_bytes_once_and_all_others_four_times() -> None:
    tx = codec.parse_tx(bytes.fromhex(SEGWIT_TX))
    whole, stripped = len(tx.serialize()), len(tx.serialize(witness=False))
    assert tx.weight == 3 * stripped + whole
    assert tx.vsize == (tx.weight + 3) // 4
    assert small_tx().weight == 4 * len(small_tx().serialize())


def test_a_changed_copy_has_hashes_of_its_own() -> None:
    tx = small_tx((b"\x01",))
    first = (tx.txid, tx.wtxid, tx.weight)
    other = msgspec.structs.replace(tx, locktime=7)
    assert (other.txid, other.wtxid) != first[:2]
    stripped = msgspec.structs.replace(
        tx, inputs=(msgspec.structs.replace(tx.inputs[0], witness=()),)
    )
    assert stripped.txid == tx.txid == stripped.wtxid != tx.wtxid


@given(txs)
def test_every_transaction_survives_the_wire(tx: Tx) -> None:
    assert codec.parse_tx(tx.serialize()) == tx


@given(st.lists(txs, max_size=3))
def test_every_block_survives_the_wire(some: list[Tx]) -> None:
    block = Block(header=codec.parse_header(bytes.fromhex(GENESIS_HEADER)), txs=tuple(some))
    assert codec.parse_block(block.serialize()) == block
    assert block.hash == GENESIS_HASH


@given(st.integers(0, 2**64 - 1))
def test_counts_are_written_in_their_shortest_form(number: int) -> None:
    size = len(codec.var_int(number))
    assert size == (1 if number < 253 else 3 if number < 2**16 else 5 if number < 2**32 else 9)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (SEGWIT_TX + "00", "1 bytes left over"),
        (SEGWIT_TX[:-2], "1 bytes missing at the end"),
        ("", "4 bytes missing at the end"),
        ("02000000" + "fd0100", "a count is not in its shortest form"),
        ("02000000" + "fe01000000", "a count is not in its shortest form"),
        ("02000000" + "ff0100000000000000", "a count is not in its shortest form"),
        ("02000000" + "fe01000003", "a count of 50331649"),
        ("02000000" + "0002", "unknown optional data"),
    ],
)
def test_a_malformed_transaction_is_refused_with_the_reason(raw: str, reason: str) -> None:
    with pytest.raises(MalformedBitcoin) as refused:
        codec.parse_tx(bytes.fromhex(raw))
    assert refused.value.reason == reason
    assert refused.value.what == "transaction"


def test_a_witness_record_without_any_witness_is_refused() -> None:
    plain = small_tx().serialize()
    superfluous = plain[:4] + b"\x00\x01" + plain[4:-4] + b"\x00" + plain[-4:]
    with pytest.raises(MalformedBitcoin, match="superfluous witness"):
        codec.parse_tx(superfluous)


@pytest.mark.parametrize("size", [79, 81])
def test_a_header_has_eighty_bytes(size: int) -> None:
    with pytest.raises(MalformedBitcoin):
        codec.parse_header(bytes(size))


def test_the_merkle_root_of_a_real_block() -> None:
    assert codec.merkle_root(TXIDS) == ROOT
    assert codec.merkle_root(TXIDS[:1]) == TXIDS[0]
    assert codec.merkle_root([]) == codec.NULL_HASH
    assert codec.merkle_root(list(reversed(TXIDS))) != ROOT


@given(st.lists(hashes, min_size=1, max_size=12), st.data())
def test_every_branch_leads_to_the_root(txids: list[str], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(txids) - 1))
    node, place = codec.unshown(txids[index]), index
    for sibling in codec.merkle_branch(txids, index):
        pair = (codec.unshown(sibling), node) if place & 1 else (node, codec.unshown(sibling))
        node, place = codec.sha256d(b"".join(pair)), place >> 1
    assert codec.shown(node) == codec.merkle_root(txids)
    assert place == 0


@pytest.mark.parametrize("index", [-1, 4])
def test_there_is_no_branch_to_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(IndexError):
        codec.merkle_branch(TXIDS, index)


def test_a_repeated_tail_has_the_same_root_and_is_told_apart() -> None:
    odd = TXIDS[:3]
    assert codec.merkle_root([*odd, odd[-1]]) == codec.merkle_root(odd)
    assert codec.merkle_mutated([*odd, odd[-1]])
    assert not codec.merkle_mutated(odd)
    six = [*TXIDS, TXIDS[0], TXIDS[1]]
    assert codec.merkle_mutated([*six, *six[4:]])  # the repetition is one level up
    assert not codec.merkle_mutated(six)


@pytest.mark.parametrize(
    ("bits", "target"),
    [
        (0x1B0404CB, 0x0404CB << 192),
        (0x207FFFFF, 0x7FFFFF << 232),
        (0x1D00FFFF, 0xFFFF << 208),
        (0x03123456, 0x123456),
        (0x02008000, 0x80),
        (0x01003456, 0),
        (0x04923456, 0),  # negative
        (0xFF123456, 0),  # does not fit
        (0x20800000, 0),
    ],
)
def test_compact_targets(bits: int, target: int) -> None:
    assert codec.target_of(bits) == target


def test_targets_are_written_as_they_are_read() -> None:
    for bits in (0x1B0404CB, 0x207FFFFF, 0x1D00FFFF, 0x03123456, 0x02008000, 0):
        assert codec.compact_of(codec.target_of(bits)) == bits


@given(target=st.integers(0, 2**256 - 1))
def test_a_compact_target_is_the_next_one_below(target: int) -> None:
    bits = codec.compact_of(target)
    assert codec.target_of(bits) <= target
    assert codec.target_of(bits) > target - max(1, target >> 15)
    assert codec.compact_of(codec.target_of(bits)) == bits


@pytest.mark.parametrize("target", [-1, 1 << 256])
def test_a_target_beyond_256_bits_has_no_compact_form(target: int) -> None:
    with pytest.raises(ValueError, match="256 bits"):
        codec.compact_of(target)


def test_a_hash_equal_to_the_target_is_work_and_one_above_is_not() -> None:
    target = codec.target_of(0x1D00FFFF)
    assert codec.meets_target(f"{target:064x}", 0x1D00FFFF)
    assert not codec.meets_target(f"{target + 1:064x}", 0x1D00FFFF)


@pytest.mark.parametrize("shown", ["", "00", "zz" * 32, "00" * 33, "0x" + "00" * 31])
def test_a_displayed_hash_has_64_hex_digits(shown: str) -> None:
    with pytest.raises(MalformedBitcoin):
        codec.unshown(shown)


@given(st.integers(0, 21_000_000 * 10**8))
def test_no_satoshi_is_lost_between_sats_and_the_json_amount(sats: int) -> None:
    amount = codec.amount_of(sats)
    assert codec.sats_of(msgspec.json.decode(str(amount))) == codec.sats_of(amount) == sats
    assert len(str(amount).partition(".")[2]) == 8


@pytest.mark.parametrize("amount", ["0.000000001", True, None, "one", "NaN", "Infinity", []])
def test_what_is_no_amount_of_whole_sats_is_refused(amount: object) -> None:
    with pytest.raises(MalformedBitcoin):
        codec.sats_of(amount)


def test_only_one_null_input_makes_a_coinbase() -> None:
    null = TxIn(outpoint=OutPoint(txid=codec.NULL_HASH, vout=codec.NULL_VOUT))
    assert Tx(inputs=(null,), outputs=()).is_coinbase
    assert not Tx(inputs=(null, null), outputs=()).is_coinbase
    assert not small_tx().is_coinbase
