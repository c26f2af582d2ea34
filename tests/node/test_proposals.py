"""What a producer says about Bitcoin: only what its own Bitcoin node bears out, and nothing at all where there is nothing to say."""

from typing import Any

import msgspec

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Request
from alys.chain import claim_checks, state
from alys.chain.claims import NO_CLAIMS, BitcoinClaims, BitcoinFacts, SettledRef
from alys.chain.state import Facts, PegState
from alys.node import messages
from alys.node.errors import PortDown
from alys.node.proposals import ClaimDesk
from alys.wire.ethereum import PegOutEvent
from alys.wire.jsonrpc import RpcError
from tests.chain.chains import BITCOIN_BLOCK, SPEC, burn, grow, next_block
from tests.chain.test_claims import FUNDED, ONE, TWO, bumped, final
from tests.node.bench import Bench


class Make(Request[tuple[BitcoinClaims, BitcoinFacts]], frozen=True, kw_only=True):
    """Make the claims of a block on this parent."""

    parent: PegState
    requests: tuple[PegOutEvent, ...] = ()


class Desk(Actor):
    """A desk, and Bitcoin behind a port."""

    def __init__(self, heard: messages.BitcoinSeen) -> None:
        self._desk = ClaimDesk(SPEC, "bitcoin")
        self._heard = heard

    async def on_make(self, message: Make, ctx: Context) -> tuple[BitcoinClaims, BitcoinFacts]:
        return await self._desk.make(ctx, self._heard, message.parent, message.requests)


class Bitcoin:
    """What a Bitcoin node answers, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.outputs: dict[str, int] = {}
        self.depth = 6
        self.feerate: str | None = None
        self.away: Exception | None = None

    def answer(self, method: str, *params: Any) -> Any:
        self.asked.append(method)
        if self.away is not None:
            raise self.away
        if method == "gettxout":
            found = self.outputs.get(f"{params[0]}:{params[1]}")
            return None if found is None else {"confirmations": found}
        if method == "getblockheader":
            return {"confirmations": self.depth}
        if method == "getrawtransaction":
            return "00"
        assert method == "estimatesmartfee"
        return {"blocks": 1} if self.feerate is None else {"feerate": self.feerate}


def make(
    bitcoin: Bitcoin,
    parent: PegState,
    requests: tuple[PegOutEvent, ...] = (),
    **heard: Any,
) -> tuple[BitcoinClaims, BitcoinFacts]:
    """What a desk that has heard this says on this parent."""
    bench = Bench()
    bench.service("bitcoin", bitcoin.answer)
    bench.start("desk", lambda: Desk(messages.BitcoinSeen(**heard)))
    return bench.ask("desk", Make(parent=parent, requests=requests))


def stands(parent: PegState, made: tuple[BitcoinClaims, BitcoinFacts], *asked: PegOutEvent) -> None:
    """A validator that sees the same finds nothing wrong with it."""
    claims, seen = made
    block, _ = next_block(parent)
    facts = Facts(now=0.0, parent_requests=asked, bitcoin=seen)
    claim_checks.check_claims(msgspec.structs.replace(block, bitcoin=claims), parent, facts, SPEC)


def test_where_there_is_nothing_to_say_bitcoin_is_asked_nothing() -> None:
    bitcoin = Bitcoin()
    claims, _ = make(bitcoin, FUNDED)
    assert (claims, bitcoin.asked) == (NO_CLAIMS, [])
    claims, _ = make(bitcoin, FUNDED, lost=("ab:0",), stuck=("cd",))
    assert (claims, bitcoin.asked) == (NO_CLAIMS, []), "of what this branch knows nothing about"


def test_a_loss_is_claimed_when_bitcoin_has_it_not() -> None:
    bitcoin = Bitcoin()
    bitcoin.outputs = {TWO: 1}
    made = make(bitcoin, FUNDED, lost=(TWO, ONE))
    assert made[0].lost_outputs == (ONE,)
    stands(FUNDED, made)


def test_what_was_lost_is_found_at_its_confirmations_without_being_told() -> None:
    bitcoin = Bitcoin()
    lost = grow(FUNDED, claims=BitcoinClaims(lost_outputs=(ONE,)))
    assert make(bitcoin, lost)[0] == NO_CLAIMS
    bitcoin.outputs = {ONE: 5}
    assert make(bitcoin, lost)[0] == NO_CLAIMS
    bitcoin.outputs = {ONE: 6}
    made = make(bitcoin, lost, lost=(ONE,))
    assert made[0] == BitcoinClaims(found_outputs=(ONE,))
    stands(lost, made)


def test_a_payout_is_settled_when_bitcoin_has_it_deep_enough() -> None:
    bitcoin, parent = Bitcoin(), final()
    ref = SettledRef(txid=parent.unsettled[0].txids[0], block_hash=BITCOIN_BLOCK)
    other = SettledRef(txid="ab" * 32, block_hash=BITCOIN_BLOCK)
    made = make(bitcoin, parent, settled=(other, ref))
    assert made[0] == BitcoinClaims(settled=(ref,))
    stands(parent, made)
    bitcoin.depth = 5
    assert make(bitcoin, parent, settled=(ref,))[0] == NO_CLAIMS


def test_the_fee_rate_is_bitcoins_estimate_within_bounds() -> None:
    bitcoin = Bitcoin()
    rates: list[int] = []
    for feerate in (None, "0.00001000", "0.00002001", "0.00020000", "0.10000000"):
        bitcoin.feerate = feerate
        made = make(bitcoin, FUNDED, (burn(1),))
        stands(FUNDED, made, burn(1))
        rates.append(made[0].fee_rate_sat_vb or SPEC.fee_rate_sat_vb)
    assert rates == [2, 2, 3, 20, 500]


def test_what_is_stuck_is_replaced_at_the_estimate_or_half_as_much_again() -> None:
    bitcoin, parent = Bitcoin(), final()
    txid = parent.unsettled[0].txids[0]
    made = make(bitcoin, parent, stuck=(txid,))
    assert [bump.fee_rate_sat_vb for bump in made[0].bumps] == [3]
    stands(parent, made)
    bitcoin.feerate = "0.00020000"
    made = make(bitcoin, parent, stuck=(txid,))
    assert [bump.fee_rate_sat_vb for bump in made[0].bumps] == [20]
    after = bumped(parent)
    assert make(bitcoin, after, stuck=(txid,))[0] == NO_CLAIMS, "the new one is not sent yet"
    made = make(bitcoin, after, stuck=(after.unsettled[0].txids[-1],))
    assert made[0].bumps[0].replaces == after.unsettled[0].txids[-1]
    stands(after, made)
    assert make(bitcoin, bumped(parent, covered=False), stuck=(txid,))[0] == NO_CLAIMS
    settled = SettledRef(txid=txid, block_hash=BITCOIN_BLOCK)
    assert make(bitcoin, parent, stuck=(txid,), settled=(settled,))[0].bumps == ()


def test_a_replacement_that_nobody_could_bear_is_not_proposed() -> None:
    bitcoin, parent = Bitcoin(), bumped(final(), SPEC.fee_rate_max_sat_vb)
    assert make(bitcoin, parent, stuck=parent.unsettled[0].txids)[0] == NO_CLAIMS


def test_while_bitcoin_is_away_a_block_claims_nothing() -> None:
    bitcoin = Bitcoin()
    for error in (RpcError(-28, "Loading"), PortDown("bitcoin", "refused")):
        bitcoin.away = error
        assert make(bitcoin, FUNDED, (burn(1),), lost=(ONE,)) == (NO_CLAIMS, state.NO_FACTS)
