"""What a governance node says of itself to anybody: its health and what it can do."""

from collections.abc import Mapping

from alys.models.governance.access import Access
from alys.models.governance.collecting import COLLECTION_SECONDS
from alys.models.governance.federation import Federation
from alys.models.governance.limits import Limits
from alys.wire.generated import governance_pb2 as pb

PROTOCOL_VERSION = "v1.0.0"
SOFTWARE_VERSION = "alys-governance/1"

CHECKS: Mapping[str, tuple[str, ...]] = {
    "": (),
    "streams": ("streams", "registered"),
    "signing": ("halted", "waiting_requests", "height"),
    "peers": ("peers", "peers_missing"),
}
"""What ``check_type`` may ask for, and the entries of ``info`` that answer it; the empty one asks for all."""


def health(
    check_type: str, info: Mapping[str, str], *, sick: bool, refuses: bool, uptime: float
) -> pb.HealthResponse:
    """UNHEALTHY when told to be; DEGRADED while a peer is missing or the node ``refuses`` its work; UNKNOWN for an unknown check."""
    entries = CHECKS.get(check_type)
    status = pb.HEALTH_STATUS_HEALTHY
    missing = info["peers_missing"] != ""
    if (missing and check_type in ("", "peers")) or (refuses and check_type in ("", "signing")):
        status = pb.HEALTH_STATUS_DEGRADED
    if sick:
        status = pb.HEALTH_STATUS_UNHEALTHY
    told = {key: value for key, value in info.items() if not entries or key in entries}
    if entries is None:
        status = pb.HEALTH_STATUS_UNKNOWN
        told = {"checks": ", ".join(sorted(CHECKS)[1:])}
    return pb.HealthResponse(status=status, version=SOFTWARE_VERSION, uptime=int(uptime), info=told)


def capabilities(
    federation: Federation, access: Access, limits: Limits, *, gossips: bool
) -> pb.CapabilitiesResponse:
    """The same for every asker; nothing is named that the node does not do."""
    return pb.CapabilitiesResponse(
        protocol_versions=[PROTOCOL_VERSION],
        features=[
            "schnorr",
            "taproot-script-path",
            "idempotent-requests",
            "pending-requests",
            "federation-updates",
            "proposals",
            "emergency-halt",
            *access.ways,
            *(["witness-gossip"] if gossips else []),
        ],
        limits={
            "max_message_bytes": limits.message_bytes,
            "signature_threshold": federation.threshold,
            "federation_members": len(federation.keys),
            "streams": limits.streams,
            "streams_of_one_node": limits.streams_of_one,
            "name_characters": limits.name_characters,
            "waiting_requests": limits.waiting_requests,
            "registration_seconds": int(limits.registration_seconds),
            "idle_seconds": int(limits.idle_seconds),
            "collection_seconds": int(COLLECTION_SECONDS),
        },
    )
