"""Offers blocks of one's own making to the co-signers, and hears what they say.

An honest block built the same way gets their approvals, so a refusal of a changed one is due to the change alone.
"""

import msgspec

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import MailboxFull
from alys.actors.message import Request
from alys.actors.promise import Promise
from alys.chain import approvals, blocks, slots
from alys.chain.approvals import BlsScheme
from alys.chain.blocks import ConsensusBlock, SignedBlock
from alys.chain.light_approvals import LightScheme
from alys.chain.spec import DEV_SECRETS, ChainSpec
from alys.node import messages
from alys.wire.engine import ExecutionPayload, ForkchoiceAnswer, PayloadAttributes
from alys.wire.ethereum import BURN_ADDRESS, ZERO_HASH, to_data
from alys.worlds.protocol import EthereumSide


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one co-signer said of an offered block."""

    authority: int
    approved: bool
    reason: str


class Offer(Request[tuple[Verdict, ...]], frozen=True, kw_only=True):
    """Show a block (``chain.blocks`` encoding) to these chain actors and wait for all of them."""

    block: bytes
    to: tuple[str, ...]


class Forger(Actor):
    """Stands outside the authorities; knows them by name."""

    def __init__(self) -> None:
        self._root = b""
        self._wanted = 0
        self._verdicts: list[Verdict] = []
        self._promise: Promise | None = None

    def on_offer(self, message: Offer, ctx: Context) -> None:
        """One offer at a time; refused with MailboxFull where somebody has no room for it."""
        self._root = blocks.root(blocks.decode(message.block).block)
        self._wanted = len(message.to)
        self._verdicts = []
        self._promise = ctx.defer()
        try:
            for name in message.to:
                ctx.tell(ctx.whereis(name), messages.BlockProposed(block=message.block))
        except MailboxFull as error:
            self._promise.fail(error)
            self._promise = None

    def on_approved(self, message: messages.BlockApproved, ctx: Context) -> None:
        """A co-signer approves."""
        self._heard(message.root, message.authority_index, approved=True, reason="")

    def on_refused(self, message: messages.BlockRefused, ctx: Context) -> None:
        """A co-signer refuses."""
        self._heard(message.root, message.authority_index, approved=False, reason=message.reason)

    def _heard(self, root: bytes, authority: int, *, approved: bool, reason: str) -> None:
        if root != self._root or self._promise is None:
            return
        self._verdicts.append(Verdict(authority=authority, approved=approved, reason=reason))
        if len(self._verdicts) == self._wanted:
            self._promise.complete(
                tuple(sorted(self._verdicts, key=lambda verdict: verdict.authority))
            )
            self._promise = None


async def empty_payload(client: EthereumSide, parent: str, timestamp: int) -> ExecutionPayload:
    """What an execution client builds on its head without withdrawals; its Engine API is asked."""
    attributes = PayloadAttributes(
        timestamp=timestamp,
        prev_randao=bytes(32),
        suggested_fee_recipient=BURN_ADDRESS,
        withdrawals=(),
    )
    zero = to_data(ZERO_HASH)
    state = {"headBlockHash": parent, "safeBlockHash": zero, "finalizedBlockHash": zero}
    answer = ForkchoiceAnswer.from_json(
        await client.call("engine_forkchoiceUpdatedV2", state, attributes.to_json())
    )
    assert answer.payload_id is not None, "the parent is the head, so there is a payload"
    built = await client.call("engine_getPayloadV2", to_data(answer.payload_id))
    assert isinstance(built, dict), "getPayload answers an object"
    return ExecutionPayload.from_json(built["executionPayload"])


def last_slot_of(spec: ChainSpec, authority: int, now: float) -> int:
    """The last slot of an authority that has begun."""
    slot = slots.slot_at(now, spec.slot_duration_ms)
    while slots.author_index(slot, len(spec.authorities)) != authority:
        slot -= 1
    return slot


def signed_by(block: ConsensusBlock, authority: int, scheme: BlsScheme | LightScheme) -> bytes:
    """The block with one authority's approval, encoded."""
    approval = approvals.approve(
        scheme.signer(DEV_SECRETS[authority]), authority, blocks.root(block)
    )
    return blocks.encode(
        SignedBlock(block=block, approvals=approvals.merge(None, approval, scheme))
    )
