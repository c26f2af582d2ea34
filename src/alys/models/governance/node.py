"""A governance node, sans I/O: what comes in on a stream, and what goes back.

``receive`` takes one request and gives the answers to send on the same stream, in order. What is to be said besides, on this
stream or another, waits in ``outgoing``: an answer that became possible, one whose time is over, an announcement. A shell owns the
sockets; in simulation the same object sits behind an in-memory link. Time and chance are passed in, so equal inputs give equal
answers, signatures included.

The rules, in the order they are applied:

1. The first message of a stream is a registration; anything else before it is an error, and so is anything but a registration
   when the session that it gave is over.
2. A heartbeat is acked with its own timestamp and sequence.
3. A peg-in notification teaches the node a federation coin. The protocol has no ack for it.
4. A status update says how high the sidechain is, by which changes of the federation come into force.
5. A signature request is judged by ``signer`` and goes the way that ``collecting`` has on its page: PARTIAL with this node's
   witness, COMPLETE with as many as are required, FAILED with the rule that was broken, PENDING and TIMEOUT where it has time.
6. A request id answered once is answered with the same signatures again; another request under it is refused.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from alys.base.prng import Random
from alys.models.governance import reports
from alys.models.governance.access import Access
from alys.models.governance.announcements import Announcement, Announcements
from alys.models.governance.collecting import Collecting
from alys.models.governance.faults import Faults
from alys.models.governance.federation import Federation
from alys.models.governance.limits import Limits
from alys.models.governance.registry import Connection, Registry, Unauthenticated
from alys.models.governance.replies import Replies
from alys.models.governance.reports import PROTOCOL_VERSION as PROTOCOL_VERSION
from alys.models.governance.signer import Refusal, Rule, Signer
from alys.models.governance.witnesses import Witnesses
from alys.wire.generated import gossip_pb2
from alys.wire.generated import governance_pb2 as pb

SEEN_MAX = 3_000  # requests that ``state`` lists in the order of their coming
HELD_ANSWERS = 5  # how many the fault ``reverse_answers`` turns round at once

REFUSALS = ("refuse_registration", "refuse_signing")
"""Faults that a node can know of itself: it says DEGRADED. A liar does not say that it lies."""

KINDS = (
    "node_registration",
    "signature_request",
    "pegin_notification",
    "status_update",
    "heartbeat",
)
"""The kinds of request, as the proto's oneof names them."""

Outgoing = tuple[str, pb.StreamResponse]
"""A connection's id, and what is to be sent on it."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One request that came in, as ``state`` shows it."""

    stream: int
    """The how manieth stream that this node opened; ids of connections may come again."""
    kind: str
    request_id: str


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
        api_key: str | None = None,
        limits: Limits | None = None,
        peers: Sequence[str] = (),
        faults: Faults | None = None,
    ) -> None:
        """``secret``: 32 bytes; ``federation``: x-only keys in spec order; ``now``: Unix seconds.

        Raises BadFederation or NotAMember when the key and the federation do not fit. With ``bearer_token`` or ``api_key`` every
        stream must present one of them. ``peers`` names the other nodes that witnesses are passed to; none are unless there are.
        ``faults`` of another node go on in this one.
        """
        self.node_id = node_id
        self.network = network
        self.limits = limits or Limits()
        self.access = Access(bearer_token=bearer_token, api_key=api_key)
        self.signer = Signer(secret, Federation.of(federation, threshold), random.fork("aux"))
        self.faults = faults or Faults(now, random.fork("faults"))
        self.misbehaviour = self.faults.misbehaviour
        self.registry = Registry(random.fork("sessions"), self.access, self.limits)
        self.witnesses = Witnesses(node_id, self.signer)
        self.witnesses.peers = dict.fromkeys(peers, False)
        # What the node tells of the time may be wrong; what it measures is not.
        self._now = self.misbehaviour.now
        self._timer = now
        self._started = self._now()
        self._replies = Replies(node_id, self._now)
        self._collecting = Collecting(
            self.signer, self.witnesses, self.faults, self._replies, self.limits, self._timer
        )
        self._announcements = Announcements(self.signer, self._now)
        self._received = dict.fromkeys(KINDS, 0)
        self._seen: deque[Seen] = deque(maxlen=SEEN_MAX)
        self._streams = 0
        self._numbers: dict[str, int] = {}
        self._held: dict[str, list[pb.StreamResponse]] = {}
        self._outgoing: list[Outgoing] = []
        self._crowded_out: list[tuple[str, str]] = []

    @property
    def federation(self) -> Federation:
        """The one in force."""
        return self.signer.federation

    # Streams

    def connect(self, connection_id: str, metadata: Mapping[str, str]) -> None:
        """A stream opens; raises Unauthenticated or TooManyConnections, which the shell reports."""
        if self.faults.hits("refuse_token"):
            raise Unauthenticated("the token is not valid any more")
        self.registry.open(connection_id, metadata, self._timer())
        self._streams += 1
        self._numbers[connection_id] = self._streams

    def disconnect(self, connection_id: str) -> None:
        """A stream has ended; what was learnt from it stays. Harmless when unknown."""
        self.registry.close(connection_id)
        self._collecting.gone(connection_id)
        self._numbers.pop(connection_id, None)
        self._held.pop(connection_id, None)

    def receive(self, connection_id: str, request: pb.StreamRequest) -> list[pb.StreamResponse]:
        """Handle one request and give the answers, in order; KeyError on an unknown connection."""
        connection = self.registry.get(connection_id)
        connection.heard_at = self._timer()
        kind = request.WhichOneof("payload")
        if kind is None:
            return [self._replies.error(request, pb.ERROR_CODE_INVALID_REQUEST, "no payload")]
        too_long = self._too_long(request.metadata)
        if too_long is not None:
            return [self._replies.error(request, pb.ERROR_CODE_INVALID_REQUEST, too_long)]
        self._received[kind] += 1
        number = self._numbers[connection_id]
        seen = Seen(stream=number, kind=kind, request_id=request.metadata.request_id)
        self._seen.append(seen)
        unheard = None if kind == "node_registration" else self._unheard(connection, request)
        if unheard is not None:
            return [unheard]
        match kind:
            case "node_registration":
                return self._on_registration(connection, request)
            case "signature_request":
                answers = self._collecting.asked(connection_id, request)
                return self._astray(connection_id, answers)
            case "pegin_notification":
                return self._on_pegin(request)
            case "status_update":
                return self._on_status(connection, request)
            case "heartbeat":
                return self._on_heartbeat(request)

    def outgoing(self) -> list[Outgoing]:
        """What is due now and is no answer to what just came in; each is told once."""
        due = [*self._outgoing, *self._collecting.expire()]
        self._outgoing = []
        return due

    @property
    def next_deadline(self) -> float | None:
        """When ``outgoing`` has something again, by the node's clock, if nothing else happens."""
        return self._collecting.next_deadline

    def crowded_out(self) -> list[tuple[str, str]]:
        """Streams that are to end, and why: their node has as many as it may. Each is told once."""
        streams, self._crowded_out = self._crowded_out, []
        return streams

    def silent_seconds(self, connection_id: str) -> float:
        """How long nothing came in on a stream, by the node's clock; KeyError on an unknown one."""
        return self._timer() - self.registry.get(connection_id).heard_at

    # Other nodes of the federation

    def gossip(self) -> list[gossip_pb2.WitnessBundle]:
        """What is to be passed to every peer; each bundle is told once."""
        return self.witnesses.outgoing()

    def collected(self, bundle: gossip_pb2.WitnessBundle) -> gossip_pb2.WitnessReceipt:
        """A peer passes on what it has: what is sound is kept, and requests that wait for it are answered."""
        receipt = self.witnesses.take(bundle)
        if receipt.kept:
            self._look_again()
        return receipt

    def passed(self, bundle: gossip_pb2.WitnessBundle, receipt: gossip_pb2.WitnessReceipt) -> None:
        """A peer has taken a bundle and told what it holds beyond it; that is judged like anything else."""
        if receipt.witnesses:
            back = gossip_pb2.WitnessBundle(node_id=receipt.node_id, witnesses=receipt.witnesses)
            back.request.CopyFrom(bundle.request)
            self.collected(back)

    def peer(self, name: str, *, there: bool) -> None:
        """Whether a peer can be reached just now."""
        self.witnesses.peers[name] = there

    # Governance's own word

    def push(self, wanted: Mapping[str, Any]) -> dict[str, object]:
        """Announce something to every registered stream; see ``announcements``. Raises BadAnnouncement."""
        made = self._announcements.make(wanted)
        self._collecting.halted = self._announcements.halted
        streams = self.registry.registered
        made.pushed = len(streams)
        self._outgoing.extend((name, self._announced(made)) for name in streams)
        self._look_again()
        return {"request_id": made.request_id, "streams": len(streams)}

    # What it says of itself

    def health(self, check_type: str = "") -> pb.HealthResponse:
        """The answer to the Health call."""
        peers = self.witnesses.peers
        missing = sorted(name for name, there in peers.items() if not there)
        waiting = self._collecting.waiting
        info = {
            "node_id": self.node_id,
            "network": self.network,
            "streams": str(len(self.registry)),
            "registered": str(len(self.registry.registered)),
            "halted": "true" if self._announcements.halted else "false",
            "waiting_requests": str(waiting),
            "height": str(self.signer.height),
            "peers": f"{len(peers) - len(missing)} of {len(peers)}",
            "peers_missing": ", ".join(missing),
        }
        return reports.health(
            check_type,
            info,
            sick=self.faults.hits("unhealthy"),
            refuses=self._announcements.halted or any(map(self.misbehaviour.has, REFUSALS)),
            uptime=max(0.0, self._now() - self._started),
        )

    def capabilities(self, node_id: str) -> pb.CapabilitiesResponse:
        """The answer to the GetCapabilities call; the same for every asker."""
        gossips = bool(self.witnesses.peers)
        return reports.capabilities(self.federation, self.access, self.limits, gossips=gossips)

    def state(self) -> dict[str, object]:
        """Everything a test may want to know, as JSON values; no secret and no session token."""
        return {
            "node_id": self.node_id,
            "public_key": self.signer.public_key.hex(),
            "federation": _federation_view(self.federation, self.network),
            "retired": [
                _federation_view(era.federation, self.network) | {"until_height": era.until_height}
                for era in self.signer.eras[:-1]
            ],
            "planned": [
                _federation_view(federation, self.network) | {"effective_height": height}
                for height, federation in self.signer.plans
            ],
            "height": self.signer.height,
            "connections": self.registry.view(),
            "received": dict(self._received),
            "seen": msgspec.to_builtins(list(self._seen)),
            "errors": self._replies.errors,
            "last_status": self.registry.last_status,
            "last_status_by_node": dict(self.registry.last_status_by_node),
            "coins": {at.label: sats for at, sats in self.signer.coins.items()},
            **self._collecting.view(),
            "gossip": self.witnesses.view(),
            "announcements": self._announcements.view(),
            "faults": self.faults.view(),
        }

    # Requests

    def _too_long(self, metadata: pb.RequestMetadata) -> str | None:
        """Which name in a request is longer than one may be."""
        most = self.limits.name_characters
        for what, name in (("request_id", metadata.request_id), ("node_id", metadata.node_id)):
            if len(name) > most:
                return f"{what} has {len(name)} characters, at most {most} are taken"
        return None

    def _unheard(
        self, connection: Connection, request: pb.StreamRequest
    ) -> pb.StreamResponse | None:
        """The error to a request on a stream that has no session, or no longer."""
        session = connection.registration
        if session is None:
            code, reason = pb.ERROR_CODE_AUTHORIZATION_FAILED, "register first"
        elif session.expires_at <= self._now():
            code, reason = (
                pb.ERROR_CODE_AUTHENTICATION_FAILED,
                "the session is over: register again",
            )
        else:
            return None
        return self._replies.error(request, code, reason)

    def _on_registration(
        self, connection: Connection, request: pb.StreamRequest
    ) -> list[pb.StreamResponse]:
        """Accept, and repeat what still stands; or say in the ack's metadata why not. The node id is the one asked for."""
        request_id, anew = request.metadata.request_id, connection.registration is None
        status, refusal = pb.STATUS_CODE_UNAUTHORIZED, self._registration_refusal(request)
        if refusal is None and self.registry.crowded(connection, request.metadata.node_id):
            status = pb.STATUS_CODE_RATE_LIMITED
            refusal = f"{self.limits.streams_of_one} streams of {request.metadata.node_id} are open"
            self._crowded_out.append((connection.connection_id, refusal))
        if refusal is not None:
            ack = pb.NodeRegistrationAck(accepted=False)
            metadata = self._replies.metadata(request_id, status, refusal)
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
        accepted = pb.StreamResponse(
            metadata=self._replies.metadata(request_id), registration_ack=ack
        )
        return [accepted, *(self._repeated() if anew else [])]

    def _registration_refusal(self, request: pb.StreamRequest) -> str | None:
        if self.faults.hits("refuse_registration"):
            return Rule.TOLD_TO_REFUSE.value
        if request.metadata.protocol_version != PROTOCOL_VERSION:
            said = request.metadata.protocol_version[:100]
            return f"protocol version {said!r}, not {PROTOCOL_VERSION}"
        if not request.metadata.node_id:
            return "metadata has no node_id"
        return self.access.doubts(request.node_registration.auth, self._now())

    def _on_heartbeat(self, request: pb.StreamRequest) -> list[pb.StreamResponse]:
        if self.faults.hits("ignore_heartbeats"):
            return []
        ack = pb.HeartbeatAck(
            original_timestamp=request.heartbeat.timestamp,
            ack_timestamp=int(self._now()),
            sequence=request.heartbeat.sequence,
        )
        metadata = self._replies.metadata(request.metadata.request_id)
        return [pb.StreamResponse(metadata=metadata, heartbeat_ack=ack)]

    def _on_pegin(self, request: pb.StreamRequest) -> list[pb.StreamResponse]:
        said = request.pegin_notification
        try:
            new = self.signer.learn_deposit(said.btc_txid, said.vout, said.amount, said.extra_data)
        except Refusal as refusal:
            self._collecting.note_refusal(request.metadata.request_id, refusal)
            return [self._replies.error(request, pb.ERROR_CODE_INVALID_REQUEST, str(refusal))]
        if new:
            self._look_again()
        return []

    def _on_status(
        self, connection: Connection, request: pb.StreamRequest
    ) -> list[pb.StreamResponse]:
        self.registry.heard_status(connection, request.status_update, self._now())
        self.signer.advance(request.status_update.block_height)
        return []

    def _look_again(self) -> None:
        self._outgoing.extend(self._collecting.look_again())

    def _announced(self, made: Announcement) -> pb.StreamResponse:
        return made.response(self._replies.metadata(made.request_id))

    def _repeated(self) -> list[pb.StreamResponse]:
        """What a stream that has just registered must know."""
        standing = self._announcements.standing()
        for one in standing:
            one.repeated += 1
        return [self._announced(one) for one in standing]

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


def _federation_view(federation: Federation, network: str) -> dict[str, object]:
    return {
        "keys": [key.hex() for key in federation.keys],
        "threshold": federation.threshold,
        "script": federation.output_script().hex(),
        "address": federation.address(network),
    }
