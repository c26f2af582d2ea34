"""What the node's actors say to each other across modules. Messages of one actor's own, and those only it answers, stand with it."""

import msgspec

from alys.actors.message import Message, Request
from alys.chain.claims import SettledRef
from alys.chain.peg import Deposit
from alys.chain.proposal import PayoutProposal
from alys.node import gossip


class PeginReady(Message, frozen=True, kw_only=True):
    """Bridge to Chain: a deposit has its confirmations. Saying it twice mints nothing twice."""

    deposit: Deposit
    block_hash: str


class Publish(Message, frozen=True, kw_only=True):
    """To Network: tell all peers."""

    item: gossip.Item


class SendTo(Message, frozen=True, kw_only=True):
    """To Network: tell one peer. Dropped where it is not connected."""

    peer: str
    item: gossip.Item


class PeginWithdrawn(Message, frozen=True, kw_only=True):
    """Bridge to Chain: a deposit that was ready may be so no more, as its block left Bitcoin's best chain."""

    outpoint: str


class BlockProposed(Message, frozen=True, kw_only=True):
    """Network to Chain: a block with its author's approval (``chain.blocks`` encoding)."""

    block: bytes
    origin: str = ""
    """The peer that it came from; empty: answer the sender itself."""


class BlockApproved(Message, frozen=True, kw_only=True):
    """Network to Chain: an authority's full check passed and its own execution client said VALID."""

    root: bytes
    authority_index: int
    signature: bytes
    origin: str = ""


class BlockRefused(Message, frozen=True, kw_only=True):
    """Network to Chain: an authority does not approve, and why. ``height`` is its head, so that it can be caught up."""

    root: bytes
    authority_index: int
    reason: str
    detail: str
    height: int
    origin: str = ""


class BlockSealed(Message, frozen=True, kw_only=True):
    """Network to Chain: a block with a quorum of approvals."""

    block: bytes
    origin: str = ""


class BlockImported(Message, frozen=True, kw_only=True):
    """Chain to Bridge: the new head, as far as the peg is concerned."""

    height: int
    root: bytes
    minted: tuple[Deposit, ...] = ()
    proposed: PayoutProposal | None = None
    refunded: tuple[str, ...] = ()
    """Requests (``tx_hash:log_index``) that the block gives back as a withdrawal, or will when there is room."""


class PayoutsFinalised(Message, frozen=True, kw_only=True):
    """Chain to Bridge: an AuxPoW covers these proposals; only now may they be signed."""

    proposals: tuple[PayoutProposal, ...]


class BitcoinSeen(Message, frozen=True, kw_only=True):
    """Bridge to Chain: what a block of ours should say about Bitcoin. The whole of it each time, so the last one counts."""

    lost: tuple[str, ...] = ()
    """Minted deposits (``txid:vout``) that left the best chain."""
    settled: tuple[SettledRef, ...] = ()
    """Payouts that have their confirmations."""
    stuck: tuple[str, ...] = ()
    """Txids of payouts that wait too long for their first."""


class BlocksReverted(Message, frozen=True, kw_only=True):
    """Chain to Bridge: blocks have left our branch. What they minted is to be minted again, what they proposed is void."""

    minted: tuple[Deposit, ...]
    proposed: tuple[str, ...]
    """Txids of proposals that no AuxPoW covered."""
    refunded: tuple[str, ...]
    """Requests (``tx_hash:log_index``) that they gave back, or promised to."""


class PayoutSigned(Message, frozen=True, kw_only=True):
    """Bridge to Chain: a payout with exactly the threshold of signatures, for the next AuxPoW block to list."""

    txid: str
    tx: bytes


class ChainStarted(Message, frozen=True, kw_only=True):
    """Chain to Bridge: it has begun, or begun again, and knows of no deposit that no block has minted yet."""


class NotifyPegin(Message, frozen=True, kw_only=True):
    """Bridge to Stream: a deposit was minted; every governance node must know the output that it will spend."""

    deposit: Deposit
    confirmations: int


class RequestSignatures(Message, frozen=True, kw_only=True):
    """Bridge to Stream: collect the federation's signatures over an unsigned payout."""

    operation: str
    attempt: int
    txid: str
    tx: bytes
    input_sats: tuple[int, ...]


class SignaturesCollected(Message, frozen=True, kw_only=True):
    """Stream to Bridge: exactly the threshold of checked signatures, the same signers for every input."""

    txid: str
    signatures: tuple[tuple[bytes, tuple[bytes, ...]], ...]
    """Per signer: x-only key, one signature per input in order."""


class SignaturesShort(Message, frozen=True, kw_only=True):
    """Stream to Bridge: not enough signatures yet, and what each governance node said."""

    txid: str
    collected: int
    needed: int
    reasons: tuple[str, ...]


class ReportStatus(Message, frozen=True, kw_only=True):
    """Chain to Stream: what governance shall see of the node."""

    height: int
    finalised_height: int
    state: str


class ChainStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The node's view of itself."""

    state: str
    """``active``, ``halted`` or ``paused``; ``reason`` says why not active."""
    reason: str
    height: int
    head_root: bytes
    execution_hash: bytes
    slot: int
    finalised_height: int
    minted: int
    refusals: tuple[tuple[str, str, str], ...]
    """The last refusals by co-signers: block root, authority, reason."""


class GetStatus(Request[ChainStatus], frozen=True, kw_only=True):
    """Ask Chain for its status."""


class AnnounceDeposit(Request[bool], frozen=True, kw_only=True):
    """Tell Bridge of a deposit by its transaction; False when it is none. Harmless for one that is known."""

    txid: str
