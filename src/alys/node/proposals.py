"""What the producer says about Bitcoin in its own blocks: gathered from Bridge, looked up, and left out where it would not stand.

A claim that is not made waits for a later block, while one that does not stand costs the whole block; so each is checked here as
validators will, on our own Bitcoin node. While that is away a block claims nothing.
"""

from collections.abc import Sequence

import msgspec

from alys.actors.context import Context
from alys.chain import claim_checks, state
from alys.chain.claims import (
    CLAIMS_MAX,
    NO_CLAIMS,
    BadClaim,
    BitcoinClaims,
    BitcoinFacts,
    Bump,
    SettledRef,
)
from alys.chain.peg import deep_enough
from alys.chain.spec import ChainSpec
from alys.chain.state import NO_FACTS, PegState
from alys.node import lookups, messages
from alys.node.errors import PortDown
from alys.wire.ethereum import PegOutEvent
from alys.wire.jsonrpc import RpcError

BUMP_PERCENT = 150
"""A replacement pays at least so much of what it replaces, so that a few of them reach any rate that Bitcoin asks for."""


class ClaimDesk:
    """Makes the claims of the next block; keeps nothing."""

    def __init__(self, spec: ChainSpec, bitcoin: str) -> None:
        """``bitcoin``: registered name of the port to our Bitcoin node."""
        self._spec = spec
        self._bitcoin = bitcoin

    async def make(
        self,
        ctx: Context,
        heard: messages.BitcoinSeen,
        parent: PegState,
        requests: Sequence[PegOutEvent],
    ) -> tuple[BitcoinClaims, BitcoinFacts]:
        """The claims of a block on ``parent``, whose payload asks for these payouts; and the facts that bear them out.

        ``heard`` is the last word of Bridge. Costs nothing where there is nothing to say.
        """
        try:
            return await self._make(ctx, heard, state.at_next_height(parent, self._spec), requests)
        except (RpcError, PortDown):
            return NO_CLAIMS, NO_FACTS

    async def _make(
        self,
        ctx: Context,
        heard: messages.BitcoinSeen,
        parent: PegState,
        requests: Sequence[PegOutEvent],
    ) -> tuple[BitcoinClaims, BitcoinFacts]:
        wanted = BitcoinClaims(
            lost_outputs=tuple(
                sorted(o for o in heard.lost if o in parent.minted and state.unspent(parent, o))
            )[:CLAIMS_MAX],
            found_outputs=tuple(sorted(parent.lost))[:CLAIMS_MAX],
            settled=self._settled(heard, parent),
        )
        facts = await lookups.claimed(ctx, self._bitcoin, wanted)
        enough = self._spec.required_confirmations
        made = BitcoinClaims(
            lost_outputs=tuple(o for o in wanted.lost_outputs if facts.outputs[o] == 0),
            found_outputs=tuple(
                o for o in wanted.found_outputs if deep_enough(facts.outputs[o], enough)
            ),
            settled=tuple(
                ref
                for ref in wanted.settled
                if deep_enough(facts.payments[ref.txid], self._spec.payout_confirmations)
            ),
        )
        stuck = self._stuck(heard, parent, made)
        if not requests and not stuck:
            return made, facts
        rate = await lookups.fee_rate(ctx, self._bitcoin, self._spec)
        named = rate if requests and rate > self._spec.fee_rate_sat_vb else 0
        bumps = tuple(found for txid in stuck for found in self._bumps(parent, txid, rate))
        return msgspec.structs.replace(made, fee_rate_sat_vb=named, bumps=bumps), facts

    def _settled(self, heard: messages.BitcoinSeen, parent: PegState) -> tuple[SettledRef, ...]:
        """One version of each open payout, by txid."""
        found: dict[str, SettledRef] = {}
        for ref in heard.settled:
            payment = state.open_payout(parent, ref.txid)
            if payment is not None:
                found[payment.txids[0]] = ref
        return tuple(sorted(found.values(), key=lambda ref: ref.txid))[:CLAIMS_MAX]

    def _stuck(
        self, heard: messages.BitcoinSeen, parent: PegState, made: BitcoinClaims
    ) -> list[str]:
        """Newest versions of open payouts that wait, but for those that the same block settles.

        A version that has been replaced meanwhile is not meant any more: the new one has yet to be sent.
        """
        done = {ref.txid for ref in made.settled}
        waiting: list[str] = []
        for txid in heard.stuck:
            payment = state.open_payout(parent, txid)
            if payment is not None and not done & set(payment.txids) and payment.txids[-1] == txid:
                waiting.append(txid)
        return sorted(waiting)[:CLAIMS_MAX]

    def _bumps(self, parent: PegState, txid: str, rate: int) -> list[Bump]:
        """The payout at the estimated rate, or at least at a good deal more than it pays; none where that cannot be."""
        payment = state.open_payout(parent, txid)
        assert payment is not None, "it was found before"
        paid = payment.versions[-1].fee_rate_sat_vb
        wanted = min(
            max(rate, -(-paid * BUMP_PERCENT // 100), paid + 1), self._spec.fee_rate_max_sat_vb
        )
        try:
            tx = claim_checks.rebuilt(payment, wanted, self._spec)
            bump = Bump(replaces=txid, fee_rate_sat_vb=wanted, tx=tx)
            claim_checks.check_bump(bump, parent, self._spec)
        except BadClaim:
            return []
        return [bump]
