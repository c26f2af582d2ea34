"""StreamActor: the node's end of the governance streams.

One stream per governance node. Each goes through its own little life,

    down -> opening -> registering -> ready
      ^________|____________|__________|        (back-off doubles with every failure, and is forgotten once ready)

and has an outbox: what is meant for it waits there in order while it is not ready, so a node that was away hears of every
deposit before it is asked to sign what spends it. A signature request goes to every node; each answers with what its one key
signed. Signatures are checked here, one by one, against the digests that we compute ourselves; a node that sends
a wrong one is noted and does not count. The first ``threshold`` sound answers complete the request.

Correlation: ``metadata.request_id`` is the operation plus the attempt; the answer carries the same.
"""

from collections import deque

import msgspec
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message, Request
from alys.actors.ref import Ref
from alys.base.units import Sats
from alys.chain import payout
from alys.chain.federation import Federation
from alys.node import messages, ports
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb

PROTOCOL_VERSION = "v1.0.0"
HEARTBEAT_SECONDS = 30.0
BACKOFF_MIN_SECONDS = 1.0
BACKOFF_MAX_SECONDS = 10.0
SIGNATURE_TIMEOUT_SECONDS = 30.0
"""Node seconds after which a request that is still short is reported as short."""

OUTBOX_FRAMES_MAX = 1000
"""Per node; beyond it the oldest frame is dropped and counted."""


class StreamNames(msgspec.Struct, frozen=True, kw_only=True):
    """Registered names of the actors and ports that Stream speaks with."""

    bridge: str
    governance: str


class Reconnect(Message, frozen=True, kw_only=True):
    """Time to try an endpoint again."""

    endpoint: int


class SendHeartbeats(Message, frozen=True, kw_only=True):
    """Time for a heartbeat on every ready stream."""


class SignatureDeadline(Message, frozen=True, kw_only=True):
    """A request has had its time."""

    request_id: str


class EndpointView(msgspec.Struct, frozen=True, kw_only=True):
    """One governance connection as the node's RPC shows it."""

    endpoint: int
    state: str
    attempts: int
    queued: int
    dropped: int
    reason: str


class GetStreamStatus(Request[tuple[EndpointView, ...]], frozen=True, kw_only=True):
    """The state of every governance connection."""


class Endpoint(msgspec.Struct, kw_only=True):
    """One stream's life; changed in place by the actor that owns it."""

    index: int
    state: str = "down"
    attempts: int = 0
    """Failures in a row."""
    reason: str = ""
    dropped: int = 0
    heartbeats: int = 0
    outbox: deque[bytes]


class Collection(msgspec.Struct, kw_only=True):
    """Signatures being gathered for one request."""

    txid: str
    digests: tuple[bytes, ...]
    signatures: dict[bytes, tuple[bytes, ...]]
    """Sound ones: key to one signature per input."""
    answers: dict[int, str]
    """Endpoint to what it said, for the report when signatures fall short."""


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
        self._endpoints = [Endpoint(index=n, outbox=deque()) for n in range(endpoints)]
        self._open: dict[str, Collection] = {}

    # Connections

    @override
    def on_start(self, ctx: Context) -> None:
        """Open every stream at once."""
        for endpoint in self._endpoints:
            self._connect(endpoint, ctx)
        ctx.after(HEARTBEAT_SECONDS, SendHeartbeats())

    @override
    def post_stop(self, ctx: Context) -> None:
        """Close what is open."""
        for endpoint in self._endpoints:
            ctx.tell(self._gateway(ctx), ports.CloseStream(endpoint=endpoint.index))

    def _gateway(self, ctx: Context) -> Ref:
        return ctx.whereis(self._names.governance)

    def _connect(self, endpoint: Endpoint, ctx: Context) -> None:
        endpoint.state = "opening"
        ctx.tell(self._gateway(ctx), ports.OpenStream(endpoint=endpoint.index, token=self._token))

    def on_reconnect(self, message: Reconnect, ctx: Context) -> None:
        """See Reconnect."""
        endpoint = self._endpoints[message.endpoint]
        if endpoint.state == "down":
            self._connect(endpoint, ctx)

    def on_stream_opened(self, message: ports.StreamOpened, ctx: Context) -> None:
        """Registration comes first."""
        endpoint = self._endpoints[message.endpoint]
        endpoint.state = "registering"
        request = self._request(f"register:{endpoint.index}:{endpoint.attempts}", ctx)
        request.node_registration.node_info.node_type = pb.NODE_TYPE_BRIDGE
        request.node_registration.node_info.version = PROTOCOL_VERSION
        request.node_registration.capabilities.extend(("pegin", "pegout"))
        if self._token is not None:
            request.node_registration.auth.auth_type = pb.AUTH_TYPE_BEARER
            request.node_registration.auth.credential_data = self._token.encode()
        self._push(endpoint, request.SerializeToString(deterministic=True), ctx)

    def on_stream_closed(self, message: ports.StreamClosed, ctx: Context) -> None:
        """Try again, later with every failure."""
        self._lost(self._endpoints[message.endpoint], message.reason, ctx)

    def _lost(self, endpoint: Endpoint, reason: str, ctx: Context) -> None:
        if endpoint.state == "down":
            return
        endpoint.state = "down"
        endpoint.reason = reason
        delay = min(BACKOFF_MAX_SECONDS, BACKOFF_MIN_SECONDS * 2.0**endpoint.attempts)
        endpoint.attempts += 1
        for request_id, collection in list(self._open.items()):
            collection.answers.setdefault(endpoint.index, f"not connected ({reason})")
            self._give_up_if_all_answered(request_id, ctx)
        jitter = 0.9 + 0.2 * ctx.random.random()
        ctx.after(delay * jitter, Reconnect(endpoint=endpoint.index))

    def on_send_heartbeats(self, message: SendHeartbeats, ctx: Context) -> None:
        """One to every ready node."""
        ctx.after(HEARTBEAT_SECONDS, SendHeartbeats())
        for endpoint in self._endpoints:
            if endpoint.state == "ready":
                endpoint.heartbeats += 1
                request = self._request(f"heartbeat:{endpoint.index}:{endpoint.heartbeats}", ctx)
                request.heartbeat.timestamp = int(ctx.now())
                request.heartbeat.sequence = endpoint.heartbeats
                request.heartbeat.health = pb.HEALTH_STATUS_HEALTHY
                self._push(endpoint, request.SerializeToString(deterministic=True), ctx)

    # What comes in

    def on_frame_received(self, message: ports.FrameReceived, ctx: Context) -> None:
        """Route a response by its kind."""
        endpoint = self._endpoints[message.endpoint]
        response = pb.StreamResponse.FromString(message.frame)
        kind = response.WhichOneof("payload")
        if kind == "registration_ack":
            self._registered(endpoint, response.registration_ack.accepted, ctx)
        elif kind == "signature_response":
            self._signed(endpoint, response, ctx)
        elif kind == "error_response":
            self._refused(endpoint, response, ctx)

    def _registered(self, endpoint: Endpoint, accepted: bool, ctx: Context) -> None:
        if not accepted:
            ctx.tell(self._gateway(ctx), ports.CloseStream(endpoint=endpoint.index))
            self._lost(endpoint, "registration refused", ctx)
            return
        endpoint.state = "ready"
        endpoint.attempts = 0
        endpoint.reason = ""
        while endpoint.outbox:
            self._push(endpoint, endpoint.outbox.popleft(), ctx)

    def _refused(self, endpoint: Endpoint, response: pb.StreamResponse, ctx: Context) -> None:
        request_id = response.metadata.request_id
        collection = self._open.get(request_id)
        endpoint.reason = response.error_response.error_message
        if collection is not None:
            collection.answers[endpoint.index] = response.error_response.error_message
            self._give_up_if_all_answered(request_id, ctx)

    # Signatures

    def on_request_signatures(self, message: messages.RequestSignatures, ctx: Context) -> None:
        """Ask every governance node, those that are away as soon as they are back."""
        request_id = f"{message.operation}/{message.attempt}"
        tx = bitcoin.parse_tx(message.tx)
        amounts = tuple(Sats(sats) for sats in message.input_sats)
        prevouts = payout.prevouts_of(amounts, self._federation)
        for stale in [k for k, c in self._open.items() if c.txid == message.txid]:
            del self._open[stale]
        collection = Collection(
            txid=message.txid,
            digests=payout.sighashes(tx, prevouts, self._federation),
            signatures={},
            answers={},
        )
        self._open[request_id] = collection
        request = self._request(request_id, ctx)
        request.metadata.priority = pb.REQUEST_PRIORITY_HIGH
        request.signature_request.tx_hex = message.tx.hex()
        request.signature_request.input_indices.extend(range(len(tx.inputs)))
        request.signature_request.amounts.extend(message.input_sats)
        request.signature_request.tx_type = pb.TRANSACTION_TYPE_PEGOUT
        request.signature_request.required_signatures = self._federation.threshold
        frame = request.SerializeToString(deterministic=True)
        for endpoint in self._endpoints:
            self._queue(endpoint, frame, ctx)
            if endpoint.state != "ready":
                collection.answers[endpoint.index] = f"not connected ({endpoint.reason})"
        ctx.after(SIGNATURE_TIMEOUT_SECONDS, SignatureDeadline(request_id=request_id))
        self._give_up_if_all_answered(request_id, ctx)

    def _signed(self, endpoint: Endpoint, response: pb.StreamResponse, ctx: Context) -> None:
        request_id = response.metadata.request_id
        collection = self._open.get(request_id)
        if collection is None:
            return
        answer = response.signature_response
        if answer.status not in (pb.SIGNATURE_STATUS_PARTIAL, pb.SIGNATURE_STATUS_COMPLETE):
            name = pb.SignatureStatus.Name(answer.status)
            collection.answers[endpoint.index] = f"{name}: {answer.failure_reason}"
        else:
            collection.answers[endpoint.index] = self._check(collection, answer)
        if len(collection.signatures) >= self._federation.threshold:
            self._complete(request_id, collection, ctx)
        else:
            self._give_up_if_all_answered(request_id, ctx)

    def _check(self, collection: Collection, answer: pb.SignatureResponse) -> str:
        """Take up a node's signatures if all of them are sound; what to report of it."""
        by_key: dict[bytes, list[bytes]] = {}
        for witness in answer.signatures:
            by_key.setdefault(witness.public_key, []).append(witness.signature)
        if not by_key:
            return f"0 signatures for {len(collection.digests)} inputs"
        for key, given in by_key.items():
            if len(given) != len(collection.digests):
                return f"{len(given)} signatures for {len(collection.digests)} inputs"
            try:
                for index, (digest, signature) in enumerate(
                    zip(collection.digests, given, strict=True)
                ):
                    payout.check_signature(index, digest, key, signature, self._federation)
            except payout.SignatureRejected as error:
                return str(error)
            collection.signatures[key] = tuple(given)
        return "signed"

    def _complete(self, request_id: str, collection: Collection, ctx: Context) -> None:
        del self._open[request_id]
        chosen = list(collection.signatures.items())[: self._federation.threshold]
        collected = messages.SignaturesCollected(
            txid=collection.txid, signatures=tuple((key, given) for key, given in chosen)
        )
        operation = request_id.rpartition("/")[0]
        ctx.tell(ctx.whereis(self._names.bridge), collected, about=operation)

    def on_signature_deadline(self, message: SignatureDeadline, ctx: Context) -> None:
        """Report what is missing."""
        if message.request_id in self._open:
            self._give_up(message.request_id, ctx)

    def _give_up_if_all_answered(self, request_id: str, ctx: Context) -> None:
        collection = self._open.get(request_id)
        if collection is not None and len(collection.answers) == len(self._endpoints):
            self._give_up(request_id, ctx)

    def _give_up(self, request_id: str, ctx: Context) -> None:
        collection = self._open.pop(request_id)
        reasons = tuple(
            f"governance {n + 1}: {collection.answers.get(n, 'no answer')}"
            for n in range(len(self._endpoints))
        )
        short = messages.SignaturesShort(
            txid=collection.txid,
            collected=len(collection.signatures),
            needed=self._federation.threshold,
            reasons=reasons,
        )
        operation = request_id.rpartition("/")[0]
        ctx.tell(ctx.whereis(self._names.bridge), short, about=operation)

    # Notices

    def on_notify_pegin(self, message: messages.NotifyPegin, ctx: Context) -> None:
        """Tell every governance node, now or when it is back."""
        deposit = message.deposit
        request = self._request(f"pegin:{deposit.outpoint}", ctx)
        request.pegin_notification.btc_txid = deposit.txid
        request.pegin_notification.vout = deposit.vout
        request.pegin_notification.amount = deposit.sats
        request.pegin_notification.evm_address = "0x" + deposit.evm_address.hex()
        request.pegin_notification.confirmations = message.confirmations
        self._broadcast(request, ctx)

    def on_report_status(self, message: messages.ReportStatus, ctx: Context) -> None:
        """Pass the node's state on; governance nodes that are away get the latest when they are back, in its turn."""
        request = self._request(f"status:{message.height}:{message.state}", ctx)
        active = message.state == "active"
        request.status_update.status = pb.NODE_STATUS_ACTIVE if active else pb.NODE_STATUS_DEGRADED
        request.status_update.block_height = message.height
        request.status_update.sync_status = pb.SYNC_STATUS_SYNCED
        request.status_update.connection_count = sum(
            endpoint.state == "ready" for endpoint in self._endpoints
        )
        self._broadcast(request, ctx)

    def on_get_stream_status(
        self, message: GetStreamStatus, ctx: Context
    ) -> tuple[EndpointView, ...]:
        """See GetStreamStatus."""
        return tuple(
            EndpointView(
                endpoint=endpoint.index,
                state=endpoint.state,
                attempts=endpoint.attempts,
                queued=len(endpoint.outbox),
                dropped=endpoint.dropped,
                reason=endpoint.reason,
            )
            for endpoint in self._endpoints
        )

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
        frame = request.SerializeToString(deterministic=True)
        for endpoint in self._endpoints:
            self._queue(endpoint, frame, ctx)

    def _queue(self, endpoint: Endpoint, frame: bytes, ctx: Context) -> None:
        if endpoint.state == "ready":
            self._push(endpoint, frame, ctx)
            return
        if len(endpoint.outbox) >= OUTBOX_FRAMES_MAX:
            endpoint.outbox.popleft()
            endpoint.dropped += 1
        endpoint.outbox.append(frame)

    def _push(self, endpoint: Endpoint, frame: bytes, ctx: Context) -> None:
        ctx.tell(self._gateway(ctx), ports.SendFrame(endpoint=endpoint.index, frame=frame))
