"""StreamActor: the node's end of the governance streams.

One stream per governance node; ``peer`` has the life of one, ``outbox`` what waits for it, ``calls`` the contract with those
who ask, ``collection`` the signatures of payouts, ``announcements`` what governance says of its own accord, ``stream_requests``
the words, ``stream_figures`` every figure. This actor joins them to the port: it opens streams when they say so, and
routes what comes in by the request id alone, the only link between an answer and its request:

- an answer to a signature request of Bridge goes to the collection, whose outcome is told to Bridge;
- an answer to ``AskGovernance`` goes to whoever asked;
- acks of registrations and heartbeats stay here;
- a federation update or a halt goes to Bridge and Chain once the federation's threshold has signed it, a proposal to Chain;
- an answer to nothing that was asked is counted, and its id shown in the status.

``metadata.request_id`` is the operation plus the attempt. Registration comes first on every stream and what waited follows it
in one go, so nothing can come between.

**What must not be lost.** Peg-in notices and signature requests are Bridge's: its records say what governance has to hear, and Bridge
says it again whenever this actor asks for it (``RepeatUnconfirmed``): because it has begun again, with the first stream that stands, or
because a buffer could not keep all. When every governance node has heard of a deposit Bridge is told, and says no more of it. So there
is one record of each fact, not two that could differ; what is said twice has one request id, by which governance tells. The only thing
kept here is a halt, which nobody else would know of.
"""

import msgspec
from google.protobuf.message import DecodeError
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.message import Message, Request
from alys.actors.ref import Ref
from alys.base.errors import UsageError
from alys.chain.federation import Federation
from alys.node import messages, orders, ports
from alys.node import stream_requests as say
from alys.node.announcements import Announcements, AnnouncementView, Order
from alys.node.calls import AskGovernance, CallDeadline, Calls, GovernanceReply
from alys.node.checked import Checked
from alys.node.collection import Collections, Outcome
from alys.node.orders import Halt
from alys.node.outbox import Frame, Room
from alys.node.peer import Peer, PeerView
from alys.node.stream_figures import FIGURES, StreamFigures
from alys.wire.generated import governance_pb2 as pb


class StreamNames(msgspec.Struct, frozen=True, kw_only=True):
    """Registered names of the actors and ports that Stream speaks with."""

    bridge: str
    chain: str
    storage: str
    governance: str


class Reconnect(Message, frozen=True, kw_only=True):
    """Time to try an endpoint again."""

    endpoint: int


class ReadyDeadline(Message, frozen=True, kw_only=True):
    """An attempt has had its time."""

    endpoint: int
    opening: int


class SendHeartbeats(Message, frozen=True, kw_only=True):
    """Time for a heartbeat on every ready stream."""


class Sweep(Message, frozen=True, kw_only=True):
    """Time to look for what has had its time."""


class SignatureDeadline(Message, frozen=True, kw_only=True):
    """A request has had its time."""

    request_id: str


class GetStreamStatus(Request[tuple[PeerView, ...]], frozen=True, kw_only=True):
    """The state of every governance connection."""


class GetAnnouncements(Request[AnnouncementView], frozen=True, kw_only=True):
    """What governance has said of its own accord."""


class Stream(Checked):
    """See the module's docstring."""

    def __init__(
        self,
        federation: Federation,
        names: StreamNames,
        *,
        endpoints: int,
        node_id: str,
        token: str | None = None,
        figures: StreamFigures = FIGURES,
    ) -> None:
        if endpoints > figures.connections_max:
            raise UsageError(
                f"{endpoints} governance nodes; at most {figures.connections_max} are connected to"
            )
        self._federation = federation
        self._names = names
        self._node_id = node_id
        self._token = token
        self._figures = figures
        room = Room()
        self._peers = [Peer(index, figures, room) for index in range(endpoints)]
        #: In the order in which they are opened and told.
        self._ranked = sorted(self._peers, key=lambda peer: -figures.priority(peer.index))
        self._collections = Collections(federation, endpoints)
        self._calls = Calls()
        self._announcements = Announcements(federation)
        #: Deposits that not every governance node is known to have heard of: those that have.
        self._noticed: dict[str, set[int]] = {}
        #: Whether Bridge was asked for what an earlier incarnation may have had.
        self._repeated = False
        self._reports = 0

    # Connections

    @override
    async def on_start(self, ctx: Context) -> None:
        """Open every stream at once."""
        self._announcements.halt = await orders.load_halt(ctx, self._names.storage)
        for peer in self._ranked:
            self._connect(peer, ctx)
        ctx.after(self._figures.heartbeat_seconds, SendHeartbeats())
        ctx.after(self._figures.sweep_seconds, Sweep())

    @override
    def post_stop(self, ctx: Context) -> None:
        """Close what is open."""
        for peer in self._peers:
            ctx.tell(self._gateway(ctx), ports.CloseStream(endpoint=peer.index))

    def _gateway(self, ctx: Context) -> Ref:
        return ctx.whereis(self._names.governance)

    def _connect(self, peer: Peer, ctx: Context) -> None:
        opening = peer.opening()
        ctx.tell(self._gateway(ctx), ports.OpenStream(endpoint=peer.index, token=self._token))
        deadline = ReadyDeadline(endpoint=peer.index, opening=opening)
        ctx.after(self._figures.ready_seconds, deadline)

    def on_reconnect(self, message: Reconnect, ctx: Context) -> None:
        """See Reconnect."""
        peer = self._peers[message.endpoint]
        if peer.waits:
            self._connect(peer, ctx)

    def on_ready_deadline(self, message: ReadyDeadline, ctx: Context) -> None:
        """See ReadyDeadline."""
        peer = self._peers[message.endpoint]
        if peer.openings == message.opening and peer.state in ("opening", "registering"):
            reason = f"not ready within {self._figures.ready_seconds:g} s"
            self._close(peer, reason, ctx, refused=True)

    def on_stream_opened(self, message: ports.StreamOpened, ctx: Context) -> None:
        """Registration comes first."""
        peer = self._peers[message.endpoint]
        if peer.state != "opening":
            return
        peer.state = "registering"
        self._register(peer, ctx)

    def _register(self, peer: Peer, ctx: Context) -> None:
        request = self._request(f"register:{peer.index}:{peer.openings}", ctx)
        say.register(request, self._token)
        self._push(peer, request.SerializeToString(deterministic=True), ctx)

    def on_stream_closed(self, message: ports.StreamClosed, ctx: Context) -> None:
        """Try again, later with every failure."""
        peer = self._peers[message.endpoint]
        refused = message.reached and peer.state != "ready"
        self._lost(peer, message.reason, ctx, refused=refused)

    def _close(self, peer: Peer, reason: str, ctx: Context, *, refused: bool) -> None:
        ctx.tell(self._gateway(ctx), ports.CloseStream(endpoint=peer.index))
        self._lost(peer, reason, ctx, refused=refused)

    def _lost(self, peer: Peer, reason: str, ctx: Context, *, refused: bool) -> None:
        if peer.waits:
            return
        wait = peer.lost(reason, ctx.now(), ctx.random, refused=refused)
        for frame in peer.outbox.lost():
            self._dropped(peer, frame, "dropped", ctx)
        for request_id in self._collections.ids():
            self._report(request_id, self._collections.away(request_id, peer.index, reason), ctx)
        ctx.after(wait, Reconnect(endpoint=peer.index))

    def on_send_heartbeats(self, message: SendHeartbeats, ctx: Context) -> None:
        """One to every ready node."""
        ctx.after(self._figures.heartbeat_seconds, SendHeartbeats())
        for peer in self._ranked:
            if peer.state == "ready":
                self._beat(peer, ctx)
                if peer.session_wears_out(ctx.now()):
                    self._register(peer, ctx)

    def _beat(self, peer: Peer, ctx: Context) -> None:
        sequence = peer.beat()
        if sequence is None:
            self._close(peer, "heartbeats are not acked", ctx, refused=False)
            return
        request = self._request(f"heartbeat:{peer.index}:{sequence}", ctx)
        say.beat(request, sequence, ctx.now())
        self._push(peer, request.SerializeToString(deterministic=True), ctx)

    def on_sweep(self, message: Sweep, ctx: Context) -> None:
        """Answers that did not come, frames that waited too long, streams that fell silent."""
        ctx.after(self._figures.sweep_seconds, Sweep())
        for peer in self._ranked:
            self._flush(peer, ctx)
            if peer.idle(ctx.now()):
                silent = f"nothing came for {self._figures.idle_seconds:g} s"
                self._close(peer, silent, ctx, refused=False)

    # What comes in

    async def on_frame_received(self, message: ports.FrameReceived, ctx: Context) -> None:
        """Route a response: acks by their kind, announcements by theirs, all else by the request id."""
        peer = self._peers[message.endpoint]
        try:
            response = pb.StreamResponse.FromString(message.frame)
        except DecodeError as error:
            self._close(peer, f"sent what is no response: {error}", ctx, refused=True)
            return
        peer.heard(ctx.now())
        request_id = response.metadata.request_id
        peer.outbox.confirm(request_id)
        match response.WhichOneof("payload"):
            case "registration_ack" if request_id == f"register:{peer.index}:{peer.openings}":
                self._registered(peer, response, ctx)
            case "heartbeat_ack" if request_id.startswith(f"heartbeat:{peer.index}:"):
                self._acked(peer, request_id, response.heartbeat_ack.sequence, ctx)
            case "federation_update":
                who = response.metadata.node_id or f"governance {peer.index + 1}"
                order = self._announcements.heard(who, response.federation_update)
                await self._obey([] if order is None else [order], ctx)
            case "proposal_notification":
                told = self._announcements.proposed(peer.index, response.proposal_notification)
                if told is not None:
                    self._tell_chain(orders.ProposalAnnounced(proposal=told), ctx)
            case _:
                self._answered(peer, request_id, response, ctx)
        self._flush(peer, ctx)

    def _registered(self, peer: Peer, response: pb.StreamResponse, ctx: Context) -> None:
        if peer.state not in ("registering", "ready"):
            return
        ack = response.registration_ack
        if not ack.accepted:
            reason = f"registration refused: {response.metadata.message}"
            self._close(peer, reason, ctx, refused=True)
            return
        if ack.HasField("expires_at"):
            # The two clocks need not agree; how long the session lasts is theirs to say.
            peer.session(ctx.now(), ack.expires_at - response.metadata.timestamp)
        if peer.state == "ready":
            return
        peer.ready(ctx.now())
        if peer.owes or not self._repeated:
            peer.owes, self._repeated = False, True
            self._tell_bridge(orders.RepeatUnconfirmed(), ctx)

    def _acked(self, peer: Peer, request_id: str, sequence: int, ctx: Context) -> None:
        confirmed = peer.acked(sequence)
        if confirmed is None:
            peer.unasked(request_id)
            return
        for outpoint in say.outpoints(confirmed):
            heard = self._noticed.get(outpoint)
            if heard is None:
                continue
            heard.add(peer.index)
            if len(heard) == len(self._peers):
                del self._noticed[outpoint]
                self._tell_bridge(orders.PeginNoticed(outpoint=outpoint), ctx)

    def _answered(
        self, peer: Peer, request_id: str, response: pb.StreamResponse, ctx: Context
    ) -> None:
        kind = response.WhichOneof("payload")
        if kind == "error_response":
            peer.reason = response.error_response.error_message
        if request_id in self._collections:
            outcome: Outcome | None = None
            if kind == "signature_response":
                answer = response.signature_response
                outcome = self._collections.answered(request_id, peer.index, answer)
            elif kind == "error_response":
                outcome = self._collections.note(request_id, peer.index, peer.reason)
            self._report(request_id, outcome, ctx)
        elif self._calls.knows(request_id):
            self._settle(peer, request_id, "answered", ctx, response.SerializeToString())
        elif kind != "error_response":
            peer.unasked(request_id)

    # What governance orders

    async def _obey(self, given: list[Order], ctx: Context) -> None:
        """Pass it on; a halt is stored first, so that it outlives all who are told of it."""
        for order in given:
            if isinstance(order, Halt):
                await orders.save_halt(ctx, self._names.storage, order)
                changed: Message = orders.HaltChanged(halt=order)
            else:
                changed = orders.FederationAnnounced(evidence=order)
            self._tell_chain(changed, ctx)
            self._tell_bridge(changed, ctx)

    async def on_federations_known(self, message: orders.FederationsKnown, ctx: Context) -> None:
        """Who is in force counts from now on: as the voice of governance, and for requests that do not say."""
        await self._obey(self._announcements.changed(message.federations[-1]), ctx)

    def on_get_announcements(self, message: GetAnnouncements, ctx: Context) -> AnnouncementView:
        """See GetAnnouncements."""
        return self._announcements.view()

    def _tell_chain(self, message: Message, ctx: Context) -> None:
        ctx.tell(ctx.whereis(self._names.chain), message)

    def _tell_bridge(self, message: Message, ctx: Context) -> None:
        ctx.tell(ctx.whereis(self._names.bridge), message)

    # Signatures

    def on_request_signatures(self, message: messages.RequestSignatures, ctx: Context) -> None:
        """Ask every governance node, those that are away as soon as they are back."""
        request_id = f"{message.operation}/{message.attempt}"
        if request_id in self._collections:
            return
        for stale in self._collections.begin(request_id, message):
            for peer in self._peers:
                peer.outbox.discard(stale)
        self._calls.closed(request_id)
        request = self._request(request_id, ctx)
        say.signatures(request, message, message.federation or self._federation)
        self._broadcast(request, ctx)
        ctx.after(self._figures.signature_seconds, SignatureDeadline(request_id=request_id))
        for peer in self._peers:
            if peer.state != "ready" and request_id in self._collections:
                outcome = self._collections.away(request_id, peer.index, peer.reason)
                self._report(request_id, outcome, ctx)

    def on_signature_deadline(self, message: SignatureDeadline, ctx: Context) -> None:
        """Report what is missing."""
        for peer in self._peers:
            peer.outbox.confirm(message.request_id)
        if message.request_id in self._collections:
            short = self._collections.short(message.request_id)
            self._report(message.request_id, short, ctx)

    def _report(self, request_id: str, outcome: Outcome | None, ctx: Context) -> None:
        if outcome is not None:
            operation = request_id.rpartition("/")[0]
            ctx.tell(ctx.whereis(self._names.bridge), outcome, about=operation)

    # Calls

    def on_ask_governance(self, message: AskGovernance, ctx: Context) -> None:
        """See ``calls``: buffered while governance is away, answered once."""
        promise = ctx.defer()
        request_id = message.request_id
        if self._calls.join(request_id, promise):
            return
        if self._calls.full():
            promise.complete(GovernanceReply(outcome="refused", at=ctx.now()))
            return
        chosen = [peer for peer in self._ranked if message.endpoint in (None, peer.index)]
        try:
            given = pb.StreamRequest.FromString(message.payload)
        except DecodeError as error:
            promise.fail(error)
            return
        request = self._request(request_id, ctx)
        request.metadata.priority = given.metadata.priority or pb.REQUEST_PRIORITY_NORMAL
        given.metadata.CopyFrom(request.metadata)
        self._calls.begin(request_id, promise, [peer.index for peer in chosen])
        ctx.after(self._figures.call_seconds, CallDeadline(request_id=request_id))
        frame = say.framed(given, ctx.now(), self._figures)
        for peer in chosen:
            self._queue(peer, frame, ctx)

    def on_call_deadline(self, message: CallDeadline, ctx: Context) -> None:
        """See ``calls``."""
        for index in self._calls.expire(message.request_id, ctx.now()):
            self._peers[index].outbox.discard(message.request_id)

    def _settle(
        self, peer: Peer, request_id: str, outcome: str, ctx: Context, response: bytes = b""
    ) -> None:
        reply = GovernanceReply(
            outcome=outcome, endpoint=peer.index, response=response, at=ctx.now()
        )
        self._calls.settle(request_id, peer.index, reply)

    # Notices

    def on_notify_pegin(self, message: messages.NotifyPegin, ctx: Context) -> None:
        """Tell every governance node that is not known to have heard of it, now or when it is back."""
        outpoint = message.deposit.outpoint
        request = self._request(f"{say.PEGIN}{outpoint}", ctx)
        say.pegin(request, message)
        heard = self._noticed.setdefault(outpoint, set())
        self._broadcast(request, ctx, but=heard)

    def on_report_status(self, message: messages.ReportStatus, ctx: Context) -> None:
        """Pass the node's state on; governance nodes that are away get it when they are back, in its turn."""
        self._reports += 1
        request = self._request(f"status:{message.height}:{message.state}:{self._reports}", ctx)
        say.status(request, message, sum(peer.state == "ready" for peer in self._peers))
        self._broadcast(request, ctx)

    def on_get_stream_status(self, message: GetStreamStatus, ctx: Context) -> tuple[PeerView, ...]:
        """See GetStreamStatus."""
        return tuple(peer.view() for peer in self._peers)

    # Sending

    def _request(self, request_id: str, ctx: Context) -> pb.StreamRequest:
        return say.request(self._node_id, request_id, ctx.now())

    def _broadcast(
        self, request: pb.StreamRequest, ctx: Context, but: set[int] | frozenset[int] = frozenset()
    ) -> None:
        frame = say.framed(request, ctx.now(), self._figures)
        for peer in self._ranked:
            if peer.index not in but:
                self._queue(peer, frame, ctx)

    def _queue(self, peer: Peer, frame: Frame, ctx: Context) -> None:
        dropped = peer.outbox.put(frame)
        if dropped is not None:
            itself = dropped.request_id == frame.request_id
            policy = self._figures.buffer_policy
            outcome = "busy" if policy == "back_pressure" else "refused"
            self._dropped(peer, dropped, outcome if itself else "dropped", ctx)
        self._flush(peer, ctx)

    def _flush(self, peer: Peer, ctx: Context) -> None:
        """Send what may be sent; forget what has had its time."""
        now = ctx.now()
        for frame in peer.outbox.expire(now):
            self._dropped(peer, frame, "timeout", ctx)
        for request_id in peer.outbox.overdue(now):
            self._calls.drop(request_id, peer.index, now, "timeout")
        if peer.state == "ready":
            for frame in peer.outbox.take():
                self._send(peer, frame, ctx)

    def _dropped(self, peer: Peer, frame: Frame, outcome: str, ctx: Context) -> None:
        """It will not be said to this node, unless Bridge says it again."""
        if frame.request_id.startswith(say.PEGIN):
            peer.owes = True
        self._calls.drop(frame.request_id, peer.index, ctx.now(), outcome)

    def _send(self, peer: Peer, frame: Frame, ctx: Context) -> None:
        self._push(peer, frame.data, ctx)
        if not frame.answered:
            self._settle(peer, frame.request_id, "delivered", ctx)
        if peer.outbox.sent(frame, ctx.now()):
            self._beat(peer, ctx)

    def _push(self, peer: Peer, frame: bytes, ctx: Context) -> None:
        ctx.tell(self._gateway(ctx), ports.SendFrame(endpoint=peer.index, frame=frame))
