"""Deposits through reorganisations of Bitcoin: before the mint they begin again, after it they are missed by name until they are back."""

import pytest

from alys.base.faults import Reorg
from alys.models.bitcoin import reorg
from alys.node.messages import BlocksReverted, NotifyPegin, PeginWithdrawn
from alys.node.orders import PeginNoticed, PeginUnclaimable
from tests.node.bridging import ADDRESS, EVM, Setting

SATS = 50_000_000
DEPTHS = range(1, 8)


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_deposit_that_is_not_minted_begins_again_where_it_is_mined_again(depth: int) -> None:
    setting = Setting(required_confirmations=8)
    txid = setting.deposit()
    setting.mine(depth)
    setting.reorganise(depth)
    (orphan,) = setting.operations()
    assert (orphan.state, orphan.confirmations, orphan.ended) == ("orphaned", 0, False)
    assert "left the best chain" in orphan.detail
    assert setting.pool() == [txid]
    setting.mine(7)
    assert (setting.states(), setting.ready()) == (["seen"], [])
    setting.mine(1)
    assert (setting.states(), setting.ready()) == (["ready"], [txid])
    assert setting.incidents() == ()


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_deposit_that_was_ready_is_withdrawn_and_announced_again(depth: int) -> None:
    setting = Setting(required_confirmations=depth)
    txid = setting.deposit()
    setting.mine(depth)
    assert setting.ready() == [txid]
    setting.reorganise(depth)
    (withdrawn,) = [m for m in setting.chain if isinstance(m, PeginWithdrawn)]
    assert withdrawn.outpoint == f"{txid}:0"
    blocks = setting.mine(depth)
    assert setting.ready() == [txid, txid]
    assert setting.chain[-1].block_hash == blocks[0], "where it is now"


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_deposit_that_was_minted_is_missed_by_name_until_it_is_back(depth: int) -> None:
    setting = Setting(required_confirmations=depth)
    txid = setting.deposit()
    setting.mine(depth)
    setting.minted(txid)
    setting.reorganise(depth)
    (lost,) = setting.operations()
    assert (lost.state, lost.incidents, lost.ended) == ("lost", ("deposit_lost",), False)
    assert setting.open_incidents() == [("deposit_lost", txid, SATS)]
    assert f"{SATS} sats are short" in setting.incidents()[0].detail
    assert setting.seen().lost == (f"{txid}:0",)
    assert PeginWithdrawn(outpoint=f"{txid}:0") in setting.chain, "should its block be replaced"
    setting.restart()
    assert setting.open_incidents() == [("deposit_lost", txid, SATS)]
    setting.mine(depth - 1)
    assert setting.states() == ["lost"]
    assert setting.seen().lost == (() if depth > 1 else (f"{txid}:0",))
    setting.mine(1)
    (back,) = setting.operations()
    assert (back.state, back.incidents, back.ended) == ("minted", (), True)
    assert setting.open_incidents() == []
    assert setting.incidents()[0].resolved_at is not None
    assert setting.seen().lost == ()
    assert setting.ready() == [txid], "it is not minted again"


@pytest.mark.parametrize("moment", ["getblockcount", "getblock"])
def test_a_reorganisation_in_the_middle_of_a_look_is_noticed_all_the_same(moment: str) -> None:
    """The old tip was still right when we looked; the next block that we read stands on another one."""
    setting = Setting()
    txid = setting.deposit()
    setting.mine(6)
    setting.minted(txid)
    if moment == "getblock":
        setting.bitcoin.handle("generateblock", [ADDRESS, []])
    setting.before(moment, lambda: reorg.reorganise(setting.bitcoin, Reorg(depth=7, empty=True)))
    setting.bench.run_for(3)
    assert setting.states() == ["lost"]
    assert setting.open_incidents() == [("deposit_lost", txid, SATS)]


def test_a_reorganisation_that_leaves_a_deposit_where_it_is_changes_nothing() -> None:
    setting = Setting()
    txid = setting.deposit()
    setting.mine(6)
    setting.minted(txid)
    setting.reorganise(5)
    assert setting.states() == ["minted"]
    assert setting.incidents() == ()


def test_a_deposit_that_is_never_seen_again_is_given_up_and_yet_counts_when_it_is() -> None:
    setting = Setting()
    txid = setting.deposit()
    setting.mine(1)
    setting.reorganise(1)
    setting.mine_empty(98)
    assert setting.states() == ["orphaned"]
    setting.mine_empty(1)
    (gone,) = setting.operations()
    assert (gone.state, gone.ended) == ("gone", True)
    setting.mine(6)
    assert (setting.states(), setting.ready()) == (["ready"], [txid])


@pytest.mark.parametrize("note", [b"\x6a\x05hello", b"\x6a\x15" + bytes(21)])
def test_money_that_nobody_can_be_credited_for_is_on_record(note: bytes) -> None:
    setting = Setting()
    txid = setting.deposit(note=note)
    setting.mine(7)
    (kept,) = setting.operations()
    assert (kept.state, kept.txid, kept.ended) == ("unclaimable", txid, True)
    assert setting.ready() == []


def test_a_deposit_that_came_too_late_to_an_old_address_ends_as_nobodys() -> None:
    setting = Setting()
    txid = setting.deposit()
    setting.mine(6)
    setting.bench.tell("bridge", PeginUnclaimable(outpoint=f"{txid}:0"))
    (late,) = setting.operations()
    assert (late.state, late.ended) == ("unclaimable", True)
    setting.restart()
    assert setting.states() == ["unclaimable"]
    setting.bench.tell("bridge", PeginUnclaimable(outpoint="ab:0"))
    assert setting.states() == ["unclaimable"]


def test_dust_is_nobodys_and_on_record() -> None:
    setting = Setting()
    setting.deposit(sats=999)
    setting.mine(7)
    assert setting.states() == ["unclaimable"]


def test_a_coinbase_to_the_federation_is_nobodys() -> None:
    setting = Setting()
    setting.mine(1, setting.spec.federation.address("regtest"))
    setting.mine(6, ADDRESS)
    assert setting.states() == ["unclaimable"]
    assert setting.ready() == []


def test_the_change_of_a_payout_is_no_deposit_even_to_a_bridge_that_knows_no_payout() -> None:
    setting = Setting()
    txid = setting.deposit()
    setting.mine(6)
    setting.broadcast(txid)
    other = Setting()
    other.bitcoin = setting.bitcoin
    setting.mine(1)
    other.bench.run_for(3)
    assert [one.id for one in other.operations()] == [f"pegin:{txid}:0"]


def test_governance_is_told_of_a_mint_once_and_again_if_the_word_may_not_have_left() -> None:
    setting = Setting()
    txid = setting.deposit()
    setting.mine(6)
    setting.minted(txid)
    setting.minted(txid)
    (told,) = [m for m in setting.stream if isinstance(m, NotifyPegin)]
    assert (told.deposit.txid, told.deposit.evm_address) == (txid, EVM)
    setting.restart()
    assert len([m for m in setting.stream if isinstance(m, NotifyPegin)]) == 2
    setting.bench.tell("bridge", PeginNoticed(outpoint=f"{txid}:0"))
    setting.restart()
    assert len([m for m in setting.stream if isinstance(m, NotifyPegin)]) == 2


def test_a_mint_whose_block_left_our_branch_is_to_be_made_again() -> None:
    setting = Setting()
    txid = setting.deposit()
    setting.mine(6)
    deposit = setting.minted(txid)
    reverted = BlocksReverted(minted=(deposit,), proposed=(), refunded=())
    setting.bench.tell("bridge", reverted)
    setting.bench.run_for(2)
    assert (setting.states(), setting.ready()) == (["ready"], [txid, txid])
    setting.minted(txid)
    setting.reorganise(6)
    assert setting.open_incidents() == [("deposit_lost", txid, SATS)]
    setting.bench.tell("bridge", reverted)
    assert setting.states() == ["orphaned"]
    assert setting.open_incidents() == [], "nothing is short of what was never minted"


def test_a_mint_that_comes_after_the_loss_is_missed_all_the_same() -> None:
    """Chain's block and Bitcoin's reorganisation cross on the way."""
    setting = Setting()
    txid = setting.deposit()
    setting.mine(6)
    setting.reorganise(6)
    setting.minted(txid)
    assert setting.states() == ["lost"]
    assert setting.open_incidents() == [("deposit_lost", txid, SATS)]
