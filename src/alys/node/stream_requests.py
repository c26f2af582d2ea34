"""What the node says to governance, as ``StreamRequest``: pure functions of what it wants to say.

A request's id is its operation plus, where it may be tried again, the attempt (decision D7); the same fact has the same id for ever, so
governance can tell what it has heard before.
"""

from collections.abc import Sequence

from alys.chain.federation import Federation
from alys.node import messages
from alys.node.outbox import Frame
from alys.node.stream_figures import StreamFigures
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb

PROTOCOL_VERSION = "v1.0.0"
ANSWERED_KINDS = frozenset({"signature_request", "heartbeat"})
"""Kinds of request that governance answers when all is well."""

LASTING_KINDS = frozenset({"signature_request", "pegin_notification"})
"""What must be heard, however late: it lives longer in a buffer, and is said again if it was lost there."""

PEGIN = "pegin:"


def request(node_id: str, request_id: str, now: float) -> pb.StreamRequest:
    """A request with nothing but its metadata."""
    made = pb.StreamRequest()
    made.metadata.request_id = request_id
    made.metadata.timestamp = int(now)
    made.metadata.node_id = node_id
    made.metadata.protocol_version = PROTOCOL_VERSION
    made.metadata.priority = pb.REQUEST_PRIORITY_NORMAL
    return made


def register(made: pb.StreamRequest, token: str | None) -> None:
    """Make it a registration."""
    made.node_registration.node_info.node_type = pb.NODE_TYPE_BRIDGE
    made.node_registration.node_info.version = PROTOCOL_VERSION
    made.node_registration.capabilities.extend(("pegin", "pegout"))
    if token is not None:
        made.node_registration.auth.auth_type = pb.AUTH_TYPE_BEARER
        made.node_registration.auth.credential_data = token.encode()


def beat(made: pb.StreamRequest, sequence: int, now: float) -> None:
    """Make it a heartbeat."""
    made.heartbeat.timestamp = int(now)
    made.heartbeat.sequence = sequence
    made.heartbeat.health = pb.HEALTH_STATUS_HEALTHY


def signatures(
    made: pb.StreamRequest, message: messages.RequestSignatures, federation: Federation
) -> None:
    """Make it a signature request; ``federation`` holds the inputs."""
    made.metadata.priority = pb.REQUEST_PRIORITY_HIGH
    tx = bitcoin.parse_tx(message.tx)
    asked = made.signature_request
    asked.tx_hex = message.tx.hex()
    asked.input_indices.extend(range(len(tx.inputs)))
    asked.amounts.extend(message.input_sats)
    asked.tx_type = (
        pb.TRANSACTION_TYPE_FEDERATION_CHANGE if message.sweep else pb.TRANSACTION_TYPE_PEGOUT
    )
    asked.required_signatures = federation.threshold


def pegin(made: pb.StreamRequest, message: messages.NotifyPegin) -> None:
    """Make it a peg-in notification; ``extra_data`` is the script that the deposit paid to."""
    deposit = message.deposit
    made.metadata.priority = pb.REQUEST_PRIORITY_HIGH
    made.pegin_notification.btc_txid = deposit.txid
    made.pegin_notification.vout = deposit.vout
    made.pegin_notification.amount = deposit.sats
    made.pegin_notification.evm_address = "0x" + deposit.evm_address.hex()
    made.pegin_notification.confirmations = message.confirmations
    if deposit.script:
        made.pegin_notification.extra_data = deposit.script


def status(made: pb.StreamRequest, message: messages.ReportStatus, connections: int) -> None:
    """Make it a status update."""
    active = message.state == "active"
    made.status_update.status = pb.NODE_STATUS_ACTIVE if active else pb.NODE_STATUS_DEGRADED
    made.status_update.block_height = message.height
    made.status_update.sync_status = pb.SYNC_STATUS_SYNCED
    made.status_update.connection_count = connections


def framed(made: pb.StreamRequest, now: float, figures: StreamFigures) -> Frame:
    """As it waits and is sent."""
    kind = made.WhichOneof("payload")
    ttl = figures.notice_ttl_seconds if kind in LASTING_KINDS else figures.message_ttl_seconds
    return Frame(
        request_id=made.metadata.request_id,
        lane=made.metadata.priority,
        answered=kind in ANSWERED_KINDS,
        data=made.SerializeToString(deterministic=True),
        expires_at=now + ttl,
    )


def outpoints(request_ids: Sequence[str]) -> tuple[str, ...]:
    """The deposits (``txid:vout``) whose notices are among these."""
    return tuple(name.removeprefix(PEGIN) for name in request_ids if name.startswith(PEGIN))
