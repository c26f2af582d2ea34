"""StreamActor: the node's end of the governance streams.

One stream per governance node; ``peer`` has the life of one, ``outbox`` what waits for it, ``calls`` the contract with those
who ask, ``collection`` the signatures of payouts. This actor joins them to the port: it opens streams when they say so, and
routes what comes in by the request id alone, the only link between an answer and its request:

- an answer to a signature request of Bridge goes to the collection, whose outcome is told to Bridge;
- an answer to ``AskGovernance`` goes to whoever asked;
- acks of registrations and heartbeats stay here;
- an answer to nothing that was asked is counted, and its id shown in the status.

``metadata.request_id`` is the operation plus the attempt. Registration comes first on every stream and what waited follows it
in one go, so nothing can come between.
"""

import msgspec
from google.protobuf.message import DecodeError
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message, Request
from alys.actors.ref import Ref
from alys.chain.federation import Federation
from alys.node import messages, ports
from alys.node.calls import CALL_SECONDS, AskGovernance, CallDeadline, Calls, GovernanceReply
from alys.node.collection import Collections, Outcome
from alys.node.outbox import Frame
from alys.node.peer import Peer, PeerView
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb

PROTOCOL_VERSION = "v1.0.0"
HEARTBEAT_SECONDS = 30.0
READY_SECONDS = 30.0
"""Node seconds from the first word to a port until the registration must be acked."""

SIGNATURE_TIMEOUT_SECONDS = 30.0
"""Node seconds after which a request that is still short is reported as short."""

ANSWERED_KINDS = frozenset({"signature_request", "heartbeat"})
"""Kinds of request that governance answers when all is well."""


class StreamNames(msgspec.Struct, frozen=True, kw_only=True):
    """Registered names of the actors and ports that Stream speaks with."""

    bridge: str
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


class SignatureDeadline(Message, frozen=True, kw_only=True):
    """A request has had its time."""

    request_id: str


class GetStreamStatus(Request[tuple[PeerView, ...]], frozen=True, kw_only=True):
    """The state of every governance connection."""


class Stream(Actor):
    """See the module's docstring."""

    def __init__(
        self,
        federation: Federation,
        names: StreamNames,
        *,
        endpoints: int,
        node_id: str,
        token: str | None = None,
    ) -> None:
        self._federation = federation
        self._names = names
        self._node_id = node_id
        self._token = token
        self._peers = [Peer(index) for index in range(endpoints)]
        self._collections = Collections(federation, endpoints)
        self._calls = Calls()
        self._reports = 0

    # Connections

    @override
    def on_start(self, ctx: Context) -> None:
        """Open every stream at once."""
        for peer in self._peers:
            self._connect(peer, ctx)
        ctx.after(HEARTBEAT_SECONDS, SendHeartbeats())

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
        ctx.after(READY_SECONDS, ReadyDeadline(endpoint=peer.index, opening=opening))

    def on_reconnect(self, message: Reconnect, ctx: Context) -> None:
        """See Reconnect."""
        peer = self._peers[message.endpoint]
        if peer.state in ("down", "suspended"):
            self._connect(peer, ctx)

    def on_ready_deadline(self, message: ReadyDeadline, ctx: Context) -> None:
        """See ReadyDeadline."""
        peer = self._peers[message.endpoint]
        if peer.openings == message.opening and peer.state in ("opening", "registering"):
            self._close(peer, f"not ready within {READY_SECONDS:g} s", ctx, refused=True)

    def on_stream_opened(self, message: ports.StreamOpened, ctx: Context) -> None:
        """Registration comes first."""
        peer = self._peers[message.endpoint]
        if peer.state != "opening":
            return
        peer.state = "registering"
        self._register(peer, ctx)

    def _register(self, peer: Peer, ctx: Context) -> None:
        request = self._request(f"register:{peer.index}:{peer.openings}", ctx)
        request.node_registration.node_info.node_type = pb.NODE_TYPE_BRIDGE
        request.node_registration.node_info.version = PROTOCOL_VERSION
        request.node_registration.capabilities.extend(("pegin", "pegout"))
        if self._token is not None:
            request.node_registration.auth.auth_type = pb.AUTH_TYPE_BEARER
            request.node_registration.auth.credential_data = self._token.encode()
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
        if peer.state in ("down", "suspended"):
            return
        wait = peer.lost(reason, ctx.now(), ctx.random, refused=refused)
        for request_id in self._collections.ids():
            self._tell_bridge(
                request_id, self._collections.away(request_id, peer.index, reason), ctx
            )
        ctx.after(wait, Reconnect(endpoint=peer.index))

    def on_send_heartbeats(self, message: SendHeartbeats, ctx: Context) -> None:
        """One to every ready node."""
        ctx.after(HEARTBEAT_SECONDS, SendHeartbeats())
        for peer in self._peers:
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
        request.heartbeat.timestamp = int(ctx.now())
        request.heartbeat.sequence = sequence
        request.heartbeat.health = pb.HEALTH_STATUS_HEALTHY
        self._push(peer, request.SerializeToString(deterministic=True), ctx)

    # What comes in

    def on_frame_received(self, message: ports.FrameReceived, ctx: Context) -> None:
        """Route a response: acks by their kind, all else by the request id."""
        peer = self._peers[message.endpoint]
        try:
            response = pb.StreamResponse.FromString(message.frame)
        except DecodeError as error:
            self._close(peer, f"sent what is no response: {error}", ctx, refused=True)
            return
        request_id = response.metadata.request_id
        peer.outbox.confirm(request_id)
        kind = response.WhichOneof("payload")
        if kind == "registration_ack" and request_id == f"register:{peer.index}:{peer.openings}":
            self._registered(peer, response, ctx)
        elif kind == "heartbeat_ack" and request_id.startswith(f"heartbeat:{peer.index}:"):
            if not peer.acked(response.heartbeat_ack.sequence):
                peer.unasked(request_id)
        else:
            self._answered(peer, request_id, response, ctx)

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
        for frame in list(peer.outbox.take()):
            self._queue(peer, frame, ctx)

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
            self._tell_bridge(request_id, outcome, ctx)
        elif self._calls.knows(request_id):
            self._settle(peer, request_id, "answered", ctx, response.SerializeToString())
        elif kind != "error_response":
            peer.unasked(request_id)

    # Signatures

    def on_request_signatures(self, message: messages.RequestSignatures, ctx: Context) -> None:
        """Ask every governance node, those that are away as soon as they are back."""
        request_id = f"{message.operation}/{message.attempt}"
        for stale in self._collections.begin(request_id, message):
            for peer in self._peers:
                peer.outbox.discard(stale)
        self._calls.closed(request_id)
        request = self._request(request_id, ctx)
        request.metadata.priority = pb.REQUEST_PRIORITY_HIGH
        tx = bitcoin.parse_tx(message.tx)
        request.signature_request.tx_hex = message.tx.hex()
        request.signature_request.input_indices.extend(range(len(tx.inputs)))
        request.signature_request.amounts.extend(message.input_sats)
        request.signature_request.tx_type = pb.TRANSACTION_TYPE_PEGOUT
        request.signature_request.required_signatures = self._federation.threshold
        self._broadcast(request, ctx)
        ctx.after(SIGNATURE_TIMEOUT_SECONDS, SignatureDeadline(request_id=request_id))
        for peer in self._peers:
            if peer.state != "ready" and request_id in self._collections:
                outcome = self._collections.away(request_id, peer.index, peer.reason)
                self._tell_bridge(request_id, outcome, ctx)

    def on_signature_deadline(self, message: SignatureDeadline, ctx: Context) -> None:
        """Report what is missing."""
        for peer in self._peers:
            peer.outbox.confirm(message.request_id)
        if message.request_id in self._collections:
            short = self._collections.short(message.request_id)
            self._tell_bridge(message.request_id, short, ctx)

    def _tell_bridge(self, request_id: str, outcome: Outcome | None, ctx: Context) -> None:
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
        chosen = [
            peer
            for peer in self._peers
            if message.endpoint is None or message.endpoint == peer.index
        ]
        try:
            given = pb.StreamRequest.FromString(message.payload)
        except DecodeError as error:
            promise.fail(error)
            return
        request = self._request(request_id, ctx)
        request.metadata.priority = given.metadata.priority or pb.REQUEST_PRIORITY_NORMAL
        given.metadata.CopyFrom(request.metadata)
        self._calls.begin(request_id, promise, [peer.index for peer in chosen])
        ctx.after(CALL_SECONDS, CallDeadline(request_id=request_id))
        frame = _frame(given)
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
        """Tell every governance node, now or when it is back."""
        deposit = message.deposit
        request = self._request(f"pegin:{deposit.outpoint}", ctx)
        request.metadata.priority = pb.REQUEST_PRIORITY_HIGH
        request.pegin_notification.btc_txid = deposit.txid
        request.pegin_notification.vout = deposit.vout
        request.pegin_notification.amount = deposit.sats
        request.pegin_notification.evm_address = "0x" + deposit.evm_address.hex()
        request.pegin_notification.confirmations = message.confirmations
        self._broadcast(request, ctx)

    def on_report_status(self, message: messages.ReportStatus, ctx: Context) -> None:
        """Pass the node's state on; governance nodes that are away get it when they are back, in its turn."""
        self._reports += 1
        request = self._request(f"status:{message.height}:{message.state}:{self._reports}", ctx)
        active = message.state == "active"
        request.status_update.status = pb.NODE_STATUS_ACTIVE if active else pb.NODE_STATUS_DEGRADED
        request.status_update.block_height = message.height
        request.status_update.sync_status = pb.SYNC_STATUS_SYNCED
        request.status_update.connection_count = sum(peer.state == "ready" for peer in self._peers)
        self._broadcast(request, ctx)

    def on_get_stream_status(self, message: GetStreamStatus, ctx: Context) -> tuple[PeerView, ...]:
        """See GetStreamStatus."""
        return tuple(peer.view() for peer in self._peers)

    # Sending

    def _request(self, request_id: str, ctx: Context) -> pb.StreamRequest:
        request = pb.StreamRequest()
        request.metadata.request_id = request_id
        request.metadata.timestamp = int(ctx.now())
        request.metadata.node_id = self._node_id
        request.metadata.protocol_version = PROTOCOL_VERSION
        request.metadata.priority = pb.REQUEST_PRIORITY_NORMAL
        return request

    def _broadcast(self, request: pb.StreamRequest, ctx: Context) -> None:
        frame = _frame(request)
        for peer in self._peers:
            self._queue(peer, frame, ctx)

    def _queue(self, peer: Peer, frame: Frame, ctx: Context) -> None:
        if peer.state == "ready":
            self._send(peer, frame, ctx)
            return
        dropped = peer.outbox.put(frame)
        if dropped is not None:
            self._calls.drop(dropped.request_id, peer.index, ctx.now())

    def _send(self, peer: Peer, frame: Frame, ctx: Context) -> None:
        self._push(peer, frame.data, ctx)
        if not frame.answered:
            self._settle(peer, frame.request_id, "delivered", ctx)
        if peer.outbox.sent(frame):
            self._beat(peer, ctx)

    def _push(self, peer: Peer, frame: bytes, ctx: Context) -> None:
        ctx.tell(self._gateway(ctx), ports.SendFrame(endpoint=peer.index, frame=frame))


def _frame(request: pb.StreamRequest) -> Frame:
    return Frame(
        request_id=request.metadata.request_id,
        lane=request.metadata.priority,
        answered=request.WhichOneof("payload") in ANSWERED_KINDS,
        data=request.SerializeToString(deterministic=True),
    )
