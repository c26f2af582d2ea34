"""Payouts from the proposal to their last confirmation: what is tried again and when, and what a reorganisation of Bitcoin does."""

import itertools
from typing import Any

import pytest

from alys.chain.proposal import PayoutProposal
from alys.node.engine import BurnDetected
from alys.node.errors import PortDown
from alys.node.messages import BlocksReverted, PayoutSigned, SignaturesShort
from alys.wire.jsonrpc import RpcError
from tests.node.bridging import EVM, REQUEST, Setting

OPERATION = f"pegout:{REQUEST}"
SATS = 2_000_000
DEPTHS = range(1, 8)


@pytest.fixture
def setting() -> Setting:
    return funded()


def funded(**wishes: Any) -> Setting:
    """One deposit is minted, one burn is heard of."""
    made = Setting(**wishes)
    txid = made.deposit()
    made.mine(6)
    made.minted(txid)
    made.bench.tell(
        "bridge",
        BurnDetected(
            operation=OPERATION,
            tx_hash=REQUEST.partition(":")[0],
            log_index=0,
            caller=EVM,
            address=b"somewhere",
            wei="20000000000000000",
            block_hash=bytes(32),
        ),
    )
    return made


def deposit_of(setting: Setting) -> str:
    return setting.operations()[0].txid


def state(setting: Setting) -> str:
    return setting.operations()[-1].state


def test_a_payout_goes_from_state_to_state_and_ends_with_its_confirmations(
    setting: Setting,
) -> None:
    proposal = setting.proposal(deposit_of(setting))
    assert state(setting) == "burnt"
    setting.import_block(proposed=proposal)
    assert state(setting) == "proposed"
    assert setting.asked() == []
    setting.finalise(proposal)
    assert state(setting) == "finalised"
    (asked,) = setting.asked()
    assert (asked.operation, asked.attempt, asked.txid) == (OPERATION, 1, proposal.txid)
    setting.sign(proposal)
    assert state(setting) == "broadcast"
    assert setting.pool() == [proposal.txid]
    assert [m.txid for m in setting.chain if isinstance(m, PayoutSigned)] == [proposal.txid]
    setting.mine(5)
    shown = setting.operations()[-1]
    assert (shown.state, shown.confirmations, shown.ended) == ("broadcast", 5, False)
    assert setting.seen().settled == ()
    setting.mine(1)
    shown = setting.operations()[-1]
    assert (shown.state, shown.confirmations, shown.ended) == ("settled", 6, True)
    (ref,) = setting.seen().settled
    assert ref.txid == proposal.txid
    assert proposal.txid in setting.bitcoin.handle("getblock", [ref.block_hash])["tx"]


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_payout_that_a_reorganisation_took_out_is_paid_all_the_same(depth: int) -> None:
    """Up to five confirmations it just counts anew; one that was settled is an incident until it is settled again."""
    setting = funded()
    proposal = setting.broadcast(deposit_of(setting))
    setting.mine(depth)
    settled = depth >= setting.spec.payout_confirmations
    assert state(setting) == ("settled" if settled else "broadcast")
    setting.reorganise(depth)
    shown = setting.operations()[-1]
    assert (shown.state, shown.confirmations) == ("broadcast", 0)
    incident = [("payout_reverted", proposal.txid, SATS)]
    assert setting.open_incidents() == (incident if settled else [])
    assert setting.seen().settled == ()
    assert setting.pool() == [proposal.txid]
    setting.mine(6)
    assert state(setting) == "settled"
    assert setting.open_incidents() == []
    assert [ref.txid for ref in setting.seen().settled] == [proposal.txid]


def test_a_payout_that_dropped_out_of_the_mempool_is_sent_again(setting: Setting) -> None:
    proposal = setting.broadcast(deposit_of(setting))
    setting.bitcoin.mempool._remove([proposal.txid])
    assert setting.pool() == []
    setting.bench.run_for(11)
    assert setting.pool() == [proposal.txid]
    assert state(setting) == "broadcast"


@pytest.mark.parametrize(
    "answer",
    [
        RpcError(-27, "Transaction outputs already in utxo set"),
        RpcError(-26, "txn-already-in-mempool"),
        RpcError(-26, "txn-same-nonwitness-data-in-mempool"),
        RpcError(-26, "txn-already-known"),
    ],
)
def test_that_bitcoin_has_it_already_is_what_was_wanted(
    setting: Setting, answer: RpcError, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_take(setting, answer, monkeypatch)
    setting.broadcast(deposit_of(setting))
    assert state(setting) == "broadcast"
    assert setting.incidents() == ()


def refuse_to_take(
    setting: Setting, answer: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> list[float]:
    """Bitcoin answers so to whatever is sent; the times at which something is."""
    honest, times = setting.bitcoin.handle, []

    def handle(method: str, params: Any, wallet: str | None = None) -> Any:
        if method == "sendrawtransaction" and answer is not None:
            times.append(setting.bench.dispatcher.now())
            raise answer
        return honest(method, params, wallet)

    monkeypatch.setattr(setting.bitcoin, "handle", handle)
    return times


def test_a_refused_payout_is_tried_again_more_and_more_slowly_and_becomes_an_incident(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        times = refuse_to_take(setting, RpcError(-26, "min relay fee not met"), patch)
        proposal = setting.broadcast(deposit_of(setting))
        assert state(setting) == "broadcast_refused"
        assert "-26: min relay fee not met" in setting.operations()[-1].detail
        setting.bench.run_for(60)
        assert setting.open_incidents() == []
        setting.bench.run_for(140)
        waits = [round(b - a) for a, b in itertools.pairwise(times)]
        assert waits == [5, 15, 45, 60, 60]
        assert setting.open_incidents() == [("broadcast_refused", proposal.txid, SATS)]
        assert setting.operations()[-1].incidents == ("broadcast_refused",)
        count = len(times)
        setting.mine_empty(1)
        assert len(times) == count + 1, "a new block is a reason to try at once"
    setting.bench.run_for(61)
    assert (state(setting), setting.open_incidents()) == ("broadcast", [])


def test_while_bitcoin_is_away_nothing_is_counted_as_a_refusal(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        refuse_to_take(setting, PortDown("bitcoin", "refused"), patch)
        setting.broadcast(deposit_of(setting))
        assert state(setting) == "broadcast_refused"
        setting.bench.run_for(200)
    setting.bench.run_for(2)
    assert (state(setting), setting.incidents()) == ("broadcast", ())


def short(proposal: PayoutProposal) -> SignaturesShort:
    return SignaturesShort(txid=proposal.txid, collected=1, needed=2, reasons=("governance 1: no",))


def test_signatures_that_fall_short_are_asked_for_again_and_become_an_incident(
    setting: Setting,
) -> None:
    proposal = setting.proposal(deposit_of(setting))
    setting.finalise(proposal)
    times = []
    for _ in range(6):
        times.append(setting.bench.dispatcher.now())
        count = len(setting.asked())
        setting.bench.tell("bridge", short(proposal))
        assert setting.operations()[-1].detail == "1 of 2 signatures: governance 1: no"
        while len(setting.asked()) == count:
            setting.bench.run_for(1)
    waits = [round(b - a) for a, b in itertools.pairwise(times)]
    assert waits == pytest.approx([5, 15, 45, 60, 60], abs=1)
    assert [one.attempt for one in setting.asked()] == list(range(1, 8))
    assert setting.open_incidents() == [("signatures_short", proposal.txid, SATS)]
    setting.sign(proposal)
    assert (state(setting), setting.open_incidents()) == ("broadcast", [])


def test_signatures_that_nobody_answers_for_are_asked_for_again(setting: Setting) -> None:
    proposal = setting.proposal(deposit_of(setting))
    setting.finalise(proposal)
    setting.bench.run_for(299)
    assert len(setting.asked()) == 1
    setting.bench.run_for(3)
    assert len(setting.asked()) == 2
    assert setting.operations()[-1].detail == "no answer within 300 s"


def test_a_restart_asks_at_once_for_what_nobody_asks_for_any_more(setting: Setting) -> None:
    proposal = setting.proposal(deposit_of(setting))
    setting.finalise(proposal)
    setting.restart()
    assert [one.attempt for one in setting.asked()] == [1, 2]
    setting.sign(proposal)
    setting.restart()
    assert state(setting) == "broadcast"
    assert len(setting.asked()) == 2


def test_a_payout_that_another_node_sent_needs_no_signatures_of_ours(setting: Setting) -> None:
    other = funded()
    proposal = other.broadcast(deposit_of(other))
    setting.finalise(proposal)
    setting.bitcoin = other.bitcoin
    setting.mine(1)
    shown = setting.operations()[-1]
    assert (shown.state, shown.txid, shown.confirmations) == ("broadcast", proposal.txid, 1)
    assert [m.txid for m in setting.chain if isinstance(m, PayoutSigned)] == [proposal.txid]


@pytest.mark.parametrize("blocks", [1, 6])
@pytest.mark.parametrize(
    "answer",
    [
        RpcError(-27, "Transaction outputs already in utxo set"),
        RpcError(-25, "bad-txns-inputs-missingorspent"),
    ],
)
def test_a_payout_in_a_block_that_was_read_before_this_node_knew_of_it_is_found_there(
    setting: Setting, answer: RpcError, blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node was away, or its store is older than the payout: the blocks come later than Bitcoin's."""
    other = funded()
    proposal = other.broadcast(deposit_of(other))
    setting.bitcoin = other.bitcoin
    setting.mine(blocks)
    assert state(setting) == "burnt"
    refuse_to_take(setting, answer, monkeypatch)
    setting.finalise(proposal)
    setting.sign(proposal)
    setting.bench.run_for(5.0)
    shown = setting.operations()[-1]
    assert (shown.state, shown.txid) == ("settled" if blocks == 6 else "broadcast", proposal.txid)
    assert shown.confirmations == blocks
    assert setting.incidents() == ()


@pytest.mark.parametrize("error", [RpcError(-28, "Loading"), PortDown("bitcoin", "refused")])
def test_the_search_for_such_a_block_goes_on_when_bitcoin_was_away_in_the_middle_of_it(
    setting: Setting, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = funded()
    proposal = other.broadcast(deposit_of(other))
    setting.bitcoin = other.bitcoin
    setting.mine(3)
    refuse_to_take(setting, RpcError(-27, "Transaction outputs already in utxo set"), monkeypatch)
    answering, away = setting.bitcoin.handle, [error]

    def handle(method: str, params: Any, wallet: str | None = None) -> Any:
        if method == "getblock" and away:
            raise away.pop()
        return answering(method, params, wallet)

    monkeypatch.setattr(setting.bitcoin, "handle", handle)
    setting.finalise(proposal)
    setting.sign(proposal)
    setting.bench.run_for(5.0)
    shown = setting.operations()[-1]
    assert (shown.state, shown.txid, away) == ("broadcast", proposal.txid, [])
    assert shown.confirmations == 3
    assert (setting.incidents(), setting.bench.failures.errors) == ((), [])


def test_a_payout_that_no_block_takes_is_called_stuck_and_its_replacement_is_the_one_that_is_sent(
    setting: Setting,
) -> None:
    first = setting.broadcast(deposit_of(setting))
    setting.mine_empty(5)
    assert setting.seen().stuck == ()
    setting.mine_empty(1)
    assert setting.seen().stuck == (first.txid,)
    second = setting.proposal(deposit_of(setting), rate=9, replaces=first.txid)
    setting.finalise(second)
    assert state(setting) == "broadcast", "the first one is still on its way"
    assert [one.attempt for one in setting.asked()] == [1, 2], "an id is never used twice"
    setting.sign(second)
    assert setting.pool() == [second.txid]
    assert setting.operations()[-1].txid == second.txid
    assert setting.seen().stuck == ()
    setting.bench.run_for(200)
    assert setting.pool() == [second.txid]
    assert setting.incidents() == (), "nobody tries the first one any more"
    setting.mine_empty(6)
    assert setting.seen().stuck == (second.txid,)
    setting.mine(6)
    assert [ref.txid for ref in setting.seen().settled] == [second.txid]
    assert (state(setting), setting.open_incidents()) == ("settled", [])
    setting.restart()
    assert (setting.seen().stuck, state(setting)) == ((), "settled")


def test_the_version_that_a_block_has_is_the_one_that_counts(setting: Setting) -> None:
    first = setting.broadcast(deposit_of(setting))
    second = setting.proposal(deposit_of(setting), rate=9, replaces=first.txid)
    setting.finalise(second)
    setting.mine(6)
    setting.sign(second)
    shown = setting.operations()[-1]
    assert (shown.state, shown.txid) == ("settled", first.txid)
    assert [ref.txid for ref in setting.seen().settled] == [first.txid]
    assert setting.pool() == []


def test_a_proposal_whose_block_left_our_branch_is_void(setting: Setting) -> None:
    proposal = setting.proposal(deposit_of(setting))
    setting.import_block(proposed=proposal)
    reverted = BlocksReverted(minted=(), proposed=(proposal.txid,), refunded=())
    setting.bench.tell("bridge", reverted)
    shown = setting.operations()[-1]
    assert (shown.state, shown.txid) == ("burnt", "")
    setting.import_block(proposed=proposal)
    assert state(setting) == "proposed"


def test_what_waits_on_a_lost_deposit_is_an_incident_with_both_transactions_named() -> None:
    """The depositor took the deposit back while its payout was on the way: nothing can pay it, and nobody is in doubt why."""
    setting = funded(required_confirmations=6)
    deposit = deposit_of(setting)
    proposal = setting.broadcast(deposit)
    setting.reorganise(6)
    setting.bitcoin.mempool._remove([proposal.txid, deposit])
    setting.mine_empty(1)
    setting.bench.run_for(200)
    assert state(setting) == "broadcast_refused"
    assert sorted(setting.open_incidents()) == [
        ("broadcast_refused", proposal.txid, SATS),
        ("deposit_lost", deposit, 50_000_000),
    ]
