"""Raw Bitcoin blocks: what a deposit is, who may claim it, and that undoing leaves nothing behind."""

import pytest

from alys.oracles.bitcoin_side import BitcoinSide
from alys.oracles.statement import BrokenFeed
from alys.wire import bitcoin
from tests.oracles.builders import (
    ALICE,
    COIN,
    FEDERATION,
    RETIRED,
    Coin,
    block_hex,
    deposit_tx,
    op_return,
    payee,
    unsigned,
)

RAW = bytes.fromhex(ALICE[2:])


class Chain:
    """Feeds blocks and remembers their hashes; it may go on from any of them."""

    def __init__(self) -> None:
        self.side = BitcoinSide((RETIRED.script, FEDERATION.script), 0)
        self.hashes = {0: bitcoin.NULL_HASH}
        self.nonce = 0

    def add(self, height: int, *txs: bitcoin.Tx) -> str:
        self.nonce += 1
        raw = block_hex(self.hashes[height - 1], txs, self.nonce)
        self.side.feed(height, raw)
        self.hashes[height] = bitcoin.parse_block(bytes.fromhex(raw)).hash
        return self.hashes[height]


def claimed_by(*outputs: bitcoin.TxOut, note: bytes | None = None) -> str | None:
    chain = Chain()
    chain.add(1, deposit_tx(COIN, note, more=outputs))
    (found,) = chain.side.deposits()
    return found.evm_address


@pytest.mark.parametrize(
    ("note", "address"),
    [
        (RAW, ALICE),
        (ALICE.encode(), ALICE),
        (ALICE[2:].encode(), ALICE),
        (ALICE[2:].upper().encode(), ALICE),
        (b"twenty readable bytes"[:20], "0x" + b"twenty readable byte".hex()),
        (RAW[:19], None),
        (RAW + b"\x00", None),
        (b"0X" + ALICE[2:].encode(), None),
        (b"g" * 40, None),
        (b"", None),
        (None, None),
    ],
)
def test_who_may_claim_a_deposit(note: bytes | None, address: str | None) -> None:
    assert claimed_by(note=note) == address


def test_the_first_note_with_an_address_counts() -> None:
    notes = [
        bitcoin.TxOut(value=0, script=op_return(data)) for data in (b"hello", RAW, b"\x01" * 20)
    ]
    assert claimed_by(*notes) == ALICE


def test_the_first_federation_output_is_the_deposit_and_the_others_are_extra() -> None:
    chain = Chain()
    more = [bitcoin.TxOut(value=n, script=FEDERATION.script) for n in (5, 6)]
    chain.add(1, deposit_tx(COIN, RAW, script=RETIRED.script, more=more))
    (found,) = chain.side.deposits()
    assert (found.vout, found.sats, found.extra_sats) == (0, COIN, 11)
    assert chain.side.unspent_sats == COIN + 11


def test_a_deposit_of_nothing_is_nobodys() -> None:
    chain = Chain()
    chain.add(1, deposit_tx(0, RAW))
    (found,) = chain.side.deposits()
    assert found.evm_address is None


def test_confirmations_count_the_deposits_own_block() -> None:
    chain = Chain()
    chain.add(1, deposit_tx(COIN))
    (found,) = chain.side.deposits()
    assert chain.side.confirmations(found) == 1
    chain.add(2)
    assert chain.side.confirmations(found) == 2


def spend_of(tx: bitcoin.Tx, change: int) -> bitcoin.Tx:
    coin = Coin(txid=tx.txid, vout=0, sats=tx.outputs[0].value)
    return unsigned([coin], [(payee(1), 1000), (FEDERATION.script, change)])


def test_a_spend_is_no_deposit_though_its_change_comes_back() -> None:
    chain = Chain()
    deposit = deposit_tx(COIN)
    chain.add(1, deposit)
    chain.add(2, spend_of(deposit, 7))
    (spend,) = chain.side.spends()
    assert (spend.input_sats, spend.height) == (COIN, 2)
    assert len(list(chain.side.deposits())) == 1
    assert chain.side.unspent_sats == 7


def test_unwinding_restores_what_was_there_even_within_one_block() -> None:
    chain = Chain()
    first, second = deposit_tx(COIN), deposit_tx(2 * COIN)
    chain.add(1, first)
    top = chain.add(2, second, spend_of(second, 7), spend_of(first, 8))
    assert chain.side.unspent_sats == 15
    chain.side.unwind(top)
    assert (chain.side.height, chain.side.unspent_sats) == (1, COIN)
    assert chain.side.unwound_deposit(second.txid) is not None
    assert list(chain.side.spends()) == []
    chain.add(2, second)
    assert chain.side.unwound_deposit(second.txid) is None
    assert chain.side.unspent_sats == 3 * COIN


def test_unwinding_takes_all_above_with_it() -> None:
    chain = Chain()
    chain.add(1)
    low = chain.add(2, deposit_tx(COIN))
    chain.add(3)
    chain.side.unwind(low)
    assert (chain.side.height, chain.side.block_count, chain.side.unspent_sats) == (1, 1, 0)


def test_a_block_on_an_older_parent_replaces_what_stands_above() -> None:
    chain = Chain()
    chain.add(1)
    chain.add(2, deposit_tx(COIN))
    chain.add(2)
    assert (chain.side.height, chain.side.unspent_sats) == (2, 0)


def test_a_block_that_is_there_already_changes_nothing() -> None:
    chain = Chain()
    raw = block_hex(bitcoin.NULL_HASH, [deposit_tx(COIN)], 1)
    chain.side.feed(1, raw)
    chain.side.feed(1, raw)
    assert (chain.side.block_count, chain.side.unspent_sats) == (1, COIN)


def test_gaps_are_the_feeders_fault() -> None:
    chain = Chain()
    with pytest.raises(BrokenFeed, match="starts at 2"):
        chain.side.feed(2, block_hex(bitcoin.NULL_HASH, [], 1))
    chain.add(1)
    with pytest.raises(BrokenFeed, match="unknown"):
        chain.side.feed(2, block_hex("ab" * 32, [], 2))
    with pytest.raises(BrokenFeed, match="does not follow"):
        chain.side.feed(3, block_hex(chain.hashes[1], [], 3))
    with pytest.raises(BrokenFeed, match="cannot unwind"):
        chain.side.unwind("ab" * 32)


def test_waiting_spends_are_those_of_coins_that_are_still_there() -> None:
    chain = Chain()
    deposit = deposit_tx(COIN)
    chain.add(1, deposit)
    first = spend_of(deposit, COIN // 2)
    change = Coin(txid=first.txid, vout=1, sats=COIN // 2)
    second = unsigned([change], [(payee(1), 5)])
    stranger = deposit_tx(5)
    found = list(chain.side.waiting_spends([stranger, first, second]))
    assert [spend.tx.txid for spend in found] == [first.txid, second.txid]
    assert [spend.height for spend in found] == [0, 0]
    assert list(chain.side.waiting_spends([second])) == []
    chain.add(2, first)
    assert [spend.tx.txid for spend in chain.side.waiting_spends([first, second])] == [second.txid]
