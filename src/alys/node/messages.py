"""What the node's actors say to each other across modules. Messages of one actor's own, and those only it answers, stand with it."""

import msgspec

from alys.actors.message import Message, Request
from alys.chain.blocks import AuxPowHeader
from alys.chain.claims import SettledRef
from alys.chain.federation import Federation
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
    """Bridge to Chain: a deposit is not to be minted for now, as its block left Bitcoin's best chain.

    Said of minted ones too: the block that did it may yet be replaced.
    """

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
    sweep: PayoutProposal | None = None
    """Moves coins of a former federation; it is signed and broadcast like a payout."""
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
    federation: Federation | None = None
    """Who holds the inputs and must sign; None: the specification's."""
    sweep: bool = False
    """It moves coins of a former federation, and pays nobody."""


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


# Between nodes: what Network, Peers and Sync say to each other and to Chain


class PeerConnected(Message, frozen=True, kw_only=True):
    """Network to Peers and Sync: a peer is there. Saying it twice changes nothing."""

    peer: str
    address: str = ""
    """Where it takes connections, by its own word; empty: it does not say."""


class PeerDisconnected(Message, frozen=True, kw_only=True):
    """Network to Peers and Sync: a peer is not there any more, or could not be reached (``reached`` is False then)."""

    peer: str
    reason: str
    reached: bool = True


class WhoIsThere(Message, frozen=True, kw_only=True):
    """Peers or Sync to Network, when they start: say ``PeerConnected`` for everybody who is connected."""


class ConnectToPeer(Message, frozen=True, kw_only=True):
    """Peers to Network: dial. ``PeerConnected`` or ``PeerDisconnected`` says what came of it."""

    peer: str
    address: str


class DisconnectPeer(Message, frozen=True, kw_only=True):
    """Peers to Network: end the connection."""

    peer: str
    reason: str


class PeerDid(Message, frozen=True, kw_only=True):
    """Anybody to Peers: a peer did something that its score goes by; the deeds are those of ``peers.DEEDS``."""

    peer: str
    deed: str
    authority: int | None = None
    """Whose doing it was, where that is known: who only passed it on is not blamed for it."""


class PeersRanked(Message, frozen=True, kw_only=True):
    """Peers to Sync: who is connected, best score first."""

    peers: tuple[str, ...]


class StatusHeard(Message, frozen=True, kw_only=True):
    """Network to Sync: where a peer says that it stands."""

    peer: str
    status: gossip.Status


class BlocksAsked(Message, frozen=True, kw_only=True):
    """Network to Sync: a peer wants blocks."""

    peer: str
    request: gossip.BlocksRequest


class BlocksAnswered(Message, frozen=True, kw_only=True):
    """Network to Sync: a peer gives blocks."""

    peer: str
    response: gossip.BlocksResponse


class HeadChanged(Message, frozen=True, kw_only=True):
    """Chain to Sync: where the node stands now, at its start and after every change of its head."""

    height: int
    root: bytes
    slot: int
    finalised_height: int
    finalised_root: bytes


class WhereIsHead(Message, frozen=True, kw_only=True):
    """Sync to Chain, as long as it has not heard: say ``HeadChanged``. Sync may have begun anew while nothing changes."""


class ParentMissing(Message, frozen=True, kw_only=True):
    """Chain to Sync: a block came whose parent is not known; the peer that it came from has what is before it."""

    origin: str
    height: int
    """Of the block that came."""


class BlocksFetched(Message, frozen=True, kw_only=True):
    """Sync to Chain: blocks with a quorum (``chain.blocks`` encoding), each the parent of the next. Chain answers ``BlocksTaken``."""

    blocks: tuple[bytes, ...]
    origin: str


class BlocksTaken(Message, frozen=True, kw_only=True):
    """Chain to Sync: what became of what was fetched, after ``HeadChanged`` where the head changed."""

    origin: str
    imported: int
    """How many of them are stored now, known ones included."""
    fault: str = ""
    """Why the rest is not, where that is the peer's fault."""


class SyncState(Message, frozen=True, kw_only=True):
    """Sync to Chain: whether the node may produce, and the heights that say so. Told when it changes, and in answer to ``HeadChanged``."""

    synced: bool
    own_height: int
    best_height: int


class FederationHealth(Message, frozen=True, kw_only=True):
    """Stream to Chain, when it changes: how many members of the federation can be reached, and how many a signature needs."""

    reachable: int
    needed: int


class PowQueued(Message, frozen=True, kw_only=True):
    """Network to Chain: a proof of merged mining that the next block may carry."""

    header: AuxPowHeader
    origin: str = ""


class PayoutHeard(Message, frozen=True, kw_only=True):
    """Network to Chain: a payout with the federation's signatures, by another node's word."""

    txid: str
    tx: bytes
    origin: str = ""
