"""A governance node, sans I/O: what comes in on a stream, and what goes back.

``receive`` takes one request and gives the answers to send on the same stream, in order. A shell
owns the sockets; in simulation the same object sits behind an in-memory link. Time and chance are
passed in, so equal inputs give equal answers, signatures included.

The rules, in the order they are applied:

1. The first message of a stream is a registration; anything else before it is an error.
2. A heartbeat is acked with its own timestamp and sequence.
3. A peg-in notification teaches the node a federation coin. The protocol has no ack for it.
4. A signature request is judged by ``signer`` and answered with this node's witnesses: PARTIAL, or
   COMPLETE where one signature is all that is required. A refusal is a SignatureResponse FAILED
   whose reason begins with the rule that was broken.
5. A request id answered once is answered the same again; another request under it is refused.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from alys.base.prng import Random
from alys.models.governance.faults import Faults
from alys.models.governance.federation import Federation
from alys.models.governance.registry import Connection, Registry, Unauthenticated
from alys.models.governance.signer import Refusal, Rule, Signer, Spend
from alys.wire.generated import governance_pb2 as pb

T = TypeVar("T")

PROTOCOL_VERSION = "v1.0.0"
SOFTWARE_VERSION = "alys-governance/1"
MESSAGE_BYTES_MAX = 16 * 1024 * 1024  # the protocol's bound on one gRPC message
RECORDS_MAX = 10_000  # answers, signatures and refusals kept; the oldest go first
SEEN_MAX = 3_000  # requests that ``state`` lists in the order of their coming
HELD_ANSWERS = 5  # how many the fault ``reverse_answers`` turns round at once

KINDS = (
    "node_registration",
    "signature_request",
    "pegin_notification",
    "status_update",
    "heartbeat",
)
"""The kinds of request, as the proto's oneof names them."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One request that came in, as ``state`` shows it."""

    stream: int
    """The how manieth stream that this node opened; ids of connections may come again."""
    kind: str
    request_id: str


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """One answered signature request, as ``state`` shows it."""

    request_id: str
    txid: str
    inputs: int
    wrong: bool
    """Made wrong on purpose, by a fault."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """One refused request, as ``state`` shows it."""

    request_id: str
    rule: str
    reason: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a request id was answered with, and the digest of the request it was for."""

    request_digest: bytes
    response: bytes


class GovernanceNode:
    """One node of the federation, with one key."""

    def __init__(
        self,
        node_id: str,
        secret: bytes,
        federation: Sequence[bytes],
        threshold: int,
        now: Callable[[], float],
        random: Random,
        network: str = "regtest",
        bearer_token: str | None = None,
        faults: Faults | None = None,
    ) -> None:
        """``secret``: 32 bytes; ``federation``: x-only keys in spec order; ``now``: Unix seconds.

        Raises BadFederation or NotAMember when the key and the federation do not fit. With
        ``bearer_token`` every stream must present it. ``faults`` of another node go on in this one.
        """
        self.node_id = node_id
        self.network = network
        self.federation = Federation.of(federation, threshold)
        self.signer = Signer(secret, self.federation, random.fork("aux"))
        self.faults = faults or Faults(now, random.fork("faults"))
        self.misbehaviour = self.faults.misbehaviour
        self.registry = Registry(random.fork("sessions"), bearer_token)
        self._now = self.misbehaviour.now
        self._started = self._now()
        self._received = dict.fromkeys(KINDS, 0)
        self._seen: deque[Seen] = deque(maxlen=SEEN_MAX)
        self._streams = 0
        self._numbers: dict[str, int] = {}
        self._held: dict[str, list[pb.StreamResponse]] = {}
        self._errors = 0
        self._answers: dict[str, Answer] = {}
        self._signed: list[Signed] = []
        self._refused: list[Refused] = []

    def connect(self, connection_id: str, metadata: Mapping[str, str]) -> None:
        """A stream opens; raises Unauthenticated or TooManyConnections, which the shell reports."""
        if self.faults.hits("refuse_token"):
            raise Unauthenticated("the token is not valid any more")
        self.registry.open(connection_id, metadata)
        self._streams += 1
        self._numbers[connection_id] = self._streams

    def disconnect(self, connection_id: str) -> None:
        """A stream has ended; what was learnt from it stays. Harmless when unknown."""
        self.registry.close(connection_id)
        self._numbers.pop(connection_id, None)
        self._held.pop(connection_id, None)

    def receive(self, connection_id: str, request: pb.StreamRequest) -> list[pb.StreamResponse]:
        """Handle one request and give the answers, in order; KeyError on an unknown connection."""
        connection = self.registry.get(connection_id)
        kind = request.WhichOneof("payload")
        if kind is None:
            return [self._error(request, pb.ERROR_CODE_INVALID_REQUEST, "no payload")]
        self._received[kind] += 1
        number = self._numbers[connection_id]
        seen = Seen(stream=number, kind=kind, request_id=request.metadata.request_id)
        self._seen.append(seen)
        if connection.registration is None and kind != "node_registration":
            return [self._error(request, pb.ERROR_CODE_AUTHORIZATION_FAILED, "register first")]
        match kind:
            case "node_registration":
                return self._on_registration(connection, request)
            case "signature_request":
                return self._astray(connection_id, self._on_signature_request(request))
            case "pegin_notification":
                return self._on_pegin(request)
            case "status_update":
                self.registry.heard_status(connection, request.status_update, self._now())
                return []
            case "heartbeat":
                return self._on_heartbeat(request)

    def health(self) -> pb.HealthResponse:
        """The answer to the Health call."""
        sick = self.faults.hits("unhealthy")
        return pb.HealthResponse(
            status=pb.HEALTH_STATUS_UNHEALTHY if sick else pb.HEALTH_STATUS_HEALTHY,
            version=SOFTWARE_VERSION,
            uptime=max(0, int(self._now() - self._started)),
            info={"node_id": self.node_id, "network": self.network},
        )

    def capabilities(self, node_id: str) -> pb.CapabilitiesResponse:
        """The answer to the GetCapabilities call; the same for every asker."""
        return pb.CapabilitiesResponse(
            protocol_versions=[PROTOCOL_VERSION],
            features=["schnorr", "taproot-script-path", "idempotent-requests"],
            limits={
                "max_message_bytes": MESSAGE_BYTES_MAX,
                "signature_threshold": self.federation.threshold,
                "federation_members": len(self.federation.keys),
            },
        )

    def state(self) -> dict[str, object]:
        """Everything a test may want to know, as JSON values; no secret and no session token."""
        return {
            "node_id": self.node_id,
            "public_key": self.signer.public_key.hex(),
            "federation": {
                "keys": [key.hex() for key in self.federation.keys],
                "threshold": self.federation.threshold,
                "script": self.federation.output_script().hex(),
                "address": self.federation.address(self.network),
            },
            "connections": self.registry.view(),
            "received": dict(self._received),
            "seen": msgspec.to_builtins(list(self._seen)),
            "errors": self._errors,
            "last_status": self.registry.last_status,
            "last_status_by_node": dict(self.registry.last_status_by_node),
            "coins": {at.label: sats for at, sats in self.signer.coins.items()},
            "signed": msgspec.to_builtins(self._signed),
            "refused": msgspec.to_builtins(self._refused),
            "faults": self.faults.view(),
        }

    def _on_registration(
        self, connection: Connection, request: pb.StreamRequest
    ) -> list[pb.StreamResponse]:
        """Accept, or say in the ack's metadata why not. The node id is the one asked for."""
        refusal = self._registration_refusal(request)
        if refusal is not None:
            ack = pb.NodeRegistrationAck(accepted=False)
            metadata = self._metadata(request, pb.STATUS_CODE_UNAUTHORIZED, refusal)
            return [pb.StreamResponse(metadata=metadata, registration_ack=ack)]
        given = self.registry.register(
            connection, request.metadata.node_id, request.node_registration, self._now()
        )
        ack = pb.NodeRegistrationAck(
            accepted=True,
            assigned_node_id=given.node_id,
            session_token=given.session_token,
            expires_at=given.expires_at,
        )
        return [pb.StreamResponse(metadata=self._metadata(request), registration_ack=ack)]

    def _registration_refusal(self, request: pb.StreamRequest) -> str | None:
        if self.faults.hits("refuse_registration"):
            return Rule.TOLD_TO_REFUSE.value
        if request.metadata.protocol_version != PROTOCOL_VERSION:
            return f"protocol version {request.metadata.protocol_version!r}, not {PROTOCOL_VERSION}"
        if not request.metadata.node_id:
            return "metadata has no node_id"
        return None

    def _on_heartbeat(self, request: pb.StreamRequest) -> list[pb.StreamResponse]:
        if self.faults.hits("ignore_heartbeats"):
            return []
        ack = pb.HeartbeatAck(
            original_timestamp=request.heartbeat.timestamp,
            ack_timestamp=int(self._now()),
            sequence=request.heartbeat.sequence,
        )
        return [pb.StreamResponse(metadata=self._metadata(request), heartbeat_ack=ack)]

    def _on_pegin(self, request: pb.StreamRequest) -> list[pb.StreamResponse]:
        said = request.pegin_notification
        try:
            self.signer.learn_deposit(said.btc_txid, said.vout, said.amount)
        except Refusal as refusal:
            self._note_refusal(request, refusal)
            return [self._error(request, pb.ERROR_CODE_INVALID_REQUEST, str(refusal))]
        return []

    def _on_signature_request(self, request: pb.StreamRequest) -> list[pb.StreamResponse]:
        request_id = request.metadata.request_id
        if not request_id:
            return [self._error(request, pb.ERROR_CODE_INVALID_REQUEST, "no request_id")]
        try:
            earlier = self._answered(request)
            if earlier is not None and not self.faults.hits("equivocate"):
                return [earlier]
            spend = self._judge(request.signature_request)
            if self.faults.hits("refuse_signing"):
                raise Refusal(Rule.TOLD_TO_REFUSE, "the fault refuse_signing is on")
        except Refusal as refusal:
            self._note_refusal(request, refusal)
            failed = pb.SignatureResponse(
                status=pb.SIGNATURE_STATUS_FAILED, failure_reason=str(refusal)
            )
            metadata = self._metadata(request, pb.STATUS_CODE_ERROR, str(refusal))
            return [pb.StreamResponse(metadata=metadata, signature_response=failed)]
        if self.faults.hits("ignore_signing"):
            return []
        answers = [self._signed_answer(request, spend)]
        if earlier is None and self.faults.hits("equivocate"):
            answers.append(self._signed_answer(request, spend))
        return answers

    def _astray(
        self, connection_id: str, answers: list[pb.StreamResponse]
    ) -> list[pb.StreamResponse]:
        """What the faults of the way back make of the answers: strangers among them, or another order."""
        if answers and self.faults.hits("foreign_answers"):
            stranger = pb.StreamResponse()
            stranger.CopyFrom(answers[0])
            stranger.metadata.request_id = f"never asked {self.faults.touched['foreign_answers']}"
            answers = [stranger, *answers]
        held = self._held.setdefault(connection_id, [])
        if not self.faults.reverse_answers:
            answers, self._held[connection_id] = [*held, *answers], []
            return answers
        self.faults.hits("reverse_answers")
        held.extend(answers)
        if len(held) < HELD_ANSWERS:
            return []
        self._held[connection_id] = []
        return held[::-1]

    def _judge(self, asked: pb.SignatureRequest) -> Spend:
        """Only payouts are signed; every other rule is the signer's. Raises Refusal."""
        if asked.tx_type != pb.TRANSACTION_TYPE_PEGOUT:
            raise Refusal(Rule.TRANSACTION_TYPE, f"type {asked.tx_type} is not a peg-out")
        return self.signer.judge(asked.tx_hex, list(asked.input_indices), list(asked.amounts))

    def _signed_answer(self, request: pb.StreamRequest, spend: Spend) -> pb.StreamResponse:
        wrong = self.faults.hits("wrong_signature")
        signatures = self.signer.sign(spend, wrong=wrong)
        if self.faults.hits("short_signatures"):
            signatures.pop()
        alone = request.signature_request.required_signatures <= 1
        answer = pb.SignatureResponse(
            status=pb.SIGNATURE_STATUS_COMPLETE if alone else pb.SIGNATURE_STATUS_PARTIAL,
            signatures=[
                pb.WitnessData(
                    signature=signature,
                    public_key=self.signer.public_key,
                    sig_type=pb.SIGNATURE_TYPE_SCHNORR,
                )
                for signature in signatures
            ],
        )
        response = pb.StreamResponse(metadata=self._metadata(request), signature_response=answer)
        request_id = request.metadata.request_id
        self._answers[request_id] = Answer(
            request_digest=_digest(request.signature_request),
            response=response.SerializeToString(deterministic=True),
        )
        if len(self._answers) > RECORDS_MAX:
            del self._answers[next(iter(self._answers))]
        signed = Signed(
            request_id=request_id, txid=spend.tx.txid, inputs=len(spend.tx.inputs), wrong=wrong
        )
        _append(self._signed, signed)
        return response

    def _answered(self, request: pb.StreamRequest) -> pb.StreamResponse | None:
        """The answer given to this request before; raises Refusal when it was for another one.

        Only signatures are remembered: a refusal may turn into an answer once more is known.
        """
        earlier = self._answers.get(request.metadata.request_id)
        if earlier is None:
            return None
        if earlier.request_digest != _digest(request.signature_request):
            raise Refusal(Rule.REQUEST_REUSED, "this id was answered for another request")
        return pb.StreamResponse.FromString(earlier.response)

    def _note_refusal(self, request: pb.StreamRequest, refusal: Refusal) -> None:
        refused = Refused(
            request_id=request.metadata.request_id, rule=refusal.rule.value, reason=refusal.detail
        )
        _append(self._refused, refused)

    def _error(
        self, request: pb.StreamRequest, code: pb.ErrorCode.ValueType, message: str
    ) -> pb.StreamResponse:
        self._errors += 1
        error = pb.ErrorResponse(error_code=code, error_message=message)
        metadata = self._metadata(request, pb.STATUS_CODE_ERROR, message)
        return pb.StreamResponse(metadata=metadata, error_response=error)

    def _metadata(
        self,
        request: pb.StreamRequest,
        status: pb.StatusCode.ValueType = pb.STATUS_CODE_SUCCESS,
        message: str | None = None,
    ) -> pb.ResponseMetadata:
        """The answer carries the request's id: nothing else links the two."""
        return pb.ResponseMetadata(
            request_id=request.metadata.request_id,
            timestamp=int(self._now()),
            node_id=self.node_id,
            status=status,
            message=message,
        )


def _digest(asked: pb.SignatureRequest) -> bytes:
    """What makes two requests the same one; the timeout is the asker's affair."""
    same = pb.SignatureRequest()
    same.CopyFrom(asked)
    same.ClearField("timeout_seconds")
    return hashlib.sha256(same.SerializeToString(deterministic=True)).digest()


def _append(records: list[T], record: T) -> None:
    records.append(record)
    if len(records) > RECORDS_MAX:
        del records[0]
