"""Proposals: what they spend and return; and coins, each of which is some federation's."""

from alys.base.units import Sats
from alys.chain.eras import Era, History, RetiredCoin
from alys.chain.federation import Federation
from alys.chain.proposal import Coins, opened, script_of, with_version
from tests.chain.chains import SPEC, burn, grow
from tests.chain.test_claims import FUNDED, ONE, TWO, bumped, final

NEXT = Federation(keys=SPEC.federation.keys[::-1], threshold=2)
CHANGED = History(
    eras=(Era(federation=SPEC.federation, from_height=0), Era(federation=NEXT, from_height=9))
)


def test_a_proposal_says_what_it_spends_and_returns() -> None:
    proposal = grow(FUNDED, facts={"parent_requests": (burn(1),)}).unfinalised[-1].payout
    assert proposal is not None
    assert proposal.inputs == ((ONE, 100_000_000),)
    change = proposal.change(script_of(proposal, SPEC))
    assert change == {f"{proposal.txid}:1": 98_000_000}
    assert proposal.change(NEXT.script_pubkey) == {}


def test_a_version_joins_the_payout_that_it_replaces_and_no_other() -> None:
    (payment,) = bumped(final()).unsettled
    first, second = payment.versions
    assert with_version(opened(first), second) == payment
    assert with_version(opened(second), second) == opened(second)


def test_what_comes_back_is_whose_it_was() -> None:
    coins = Coins({ONE: Sats(5)}, {TWO: RetiredCoin(sats=Sats(7), era=0)}, CHANGED, SPEC)
    coins.lose(ONE)
    assert (coins.utxos, set(coins.lost)) == ({}, {ONE, TWO})
    for outpoint in (ONE, TWO):
        coins.add(outpoint, coins.lost.pop(outpoint))
    assert coins.utxos == {ONE: 5}, "the federation in force had it"
    assert coins.retired == {TWO: RetiredCoin(sats=Sats(7), era=0)}, "to be swept"
    coins.lose(TWO)
    assert (coins.retired, coins.lost[TWO].sats) == ({}, 7)
    coins.give_back({"a:1": Sats(1)}, SPEC.federation.script_pubkey)
    coins.give_back({"b:1": Sats(2)}, NEXT.script_pubkey)
    assert coins.utxos == {ONE: 5, "b:1": 2}
    assert coins.retired == {"a:1": RetiredCoin(sats=Sats(1), era=0)}
