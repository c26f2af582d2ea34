"""How an authority judges a block: facts of its own, every rule, and its own execution client.

Nothing that the block says about the other chains is believed: deposits are looked up on the authority's own Bitcoin node,
what the parent's payload left to answer for comes from its own execution client, and the payload is executed there too.
"""

from collections.abc import Mapping

from alys.actors.context import Context
from alys.actors.errors import AskTimeout
from alys.base.units import Wei
from alys.chain import eras, validity
from alys.chain.approvals import Verifier
from alys.chain.blocks import ZERO_ROOT, ConsensusBlock, SignedBlock
from alys.chain.claims import BitcoinFacts
from alys.chain.spec import ChainSpec
from alys.chain.state import NO_FACTS, Facts, PegState, SeenDeposit
from alys.node import engine, lookups
from alys.node.engine import PayloadFacts
from alys.node.errors import EngineRefused, PortDown
from alys.node.names import ChainNames
from alys.wire.jsonrpc import RpcError

CANNOT_JUDGE = (EngineRefused, PortDown, RpcError, AskTimeout)
"""Our own execution client or Bitcoin node is away or refuses: that says nothing about a block."""

NOTHING_LEFT = PayloadFacts(requests=(), tips=Wei(0))
"""Where another chain ended and this one starts, there is nothing to answer for."""


class Judge:
    """Belongs to one Chain actor; keeps nothing."""

    def __init__(self, spec: ChainSpec, names: ChainNames, verifier: Verifier) -> None:
        self._spec = spec
        self._names = names
        self._verifier = verifier

    async def judge(
        self,
        signed: SignedBlock,
        parent: PegState,
        left: PayloadFacts,
        ctx: Context,
        *,
        sealed: bool = False,
    ) -> Facts:
        """The facts that the block holds by. Raises validity.Invalid, and CANNOT_JUDGE when we cannot tell.

        ``left`` is what the parent's payload leaves to answer for. Of a ``sealed`` block, which a quorum approved, the claims
        about Bitcoin and the confirmations of its deposits are believed: they were so when it was made.
        """
        seen = await lookups.seen_deposits(
            ctx,
            self._names.bitcoin,
            eras.scripts(parent.federations, self._spec),
            signed.block.pegins,
        )
        if sealed:
            seen = {outpoint: lookups.believed(one) for outpoint, one in seen.items()}
        said = await lookups.claimed(ctx, self._names.bitcoin, signed.block.bitcoin, sealed)
        facts = gather(ctx.now(), seen, left, said)
        self.check(signed, parent, facts)
        await self.execute(signed.block, ctx)
        return facts

    def check(self, signed: SignedBlock, parent: PegState, facts: Facts) -> None:
        """Every rule but the execution client's; raises validity.Invalid."""
        validity.check_block(signed, parent, facts, self._spec, self._verifier)

    async def execute(self, block: ConsensusBlock, ctx: Context, patient: bool = False) -> None:
        """Raises validity.Invalid when our execution client says INVALID, EngineRefused when it cannot tell.

        ``patient``: waits for one that is away.
        """
        request = engine.ExecutePayload(payload=block.payload, patient=patient)
        verdict = await ctx.ask(ctx.whereis(self._names.engine), request)
        if not verdict.valid and not verdict.judged:
            raise EngineRefused("engine_newPayloadV2", verdict.reason)
        if not verdict.valid:
            raise validity.Invalid(validity.Reason.PAYLOAD_NOT_VALID, verdict.reason)

    async def left_by(
        self, block: ConsensusBlock, ctx: Context, imported: bool = True
    ) -> PayloadFacts:
        """What a payload leaves to the next block to answer; the bridge is told of its requests where it is ``imported`` as head."""
        first = block.parent_root == ZERO_ROOT
        facts = await ctx.ask(
            ctx.whereis(self._names.engine),
            engine.GetPayloadFacts(
                block_hash=block.payload.block_hash,
                base_fee_per_gas=block.payload.base_fee_per_gas,
                imported=imported and not first,
            ),
        )
        return NOTHING_LEFT if first else facts


def gather(
    now: float,
    deposits: Mapping[str, SeenDeposit],
    left: PayloadFacts,
    said: BitcoinFacts = NO_FACTS,
) -> Facts:
    """Facts for the rules; ``said``: what Bitcoin says to the block's claims."""
    return Facts(
        now=now,
        deposits=deposits,
        parent_requests=left.requests,
        parent_tips=left.tips,
        bitcoin=said,
    )


def set_back(error: validity.Invalid) -> str:
    """What to say of a block of one's own whose slot or time is not here any more, since the clock was set back while it was built.

    Raises the error for every other flaw: that is a mistake of ours.
    """
    early = isinstance(error, validity.AheadOfClock)
    if not early and error.reason is not validity.Reason.SLOT_IN_FUTURE:
        raise error
    return str(error)
