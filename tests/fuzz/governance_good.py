"""A governance node that knows a deposit, and good requests to it."""

from alys.models.governance.node import GovernanceNode
from alys.wire.generated import gossip_pb2
from alys.wire.generated import governance_pb2 as pb
from tests.models.governance import builders


def good_requests() -> list[pb.StreamRequest]:
    """One or more of every kind."""
    payout = builders.payout()
    swept = builders.ask(payout, request_id="sweep", tx_type=pb.TRANSACTION_TYPE_FEDERATION_CHANGE)
    status = pb.StatusUpdate(
        status=pb.NODE_STATUS_ACTIVE, block_height=7, sync_status=pb.SYNC_STATUS_SYNCED
    )
    heartbeat = pb.Heartbeat(timestamp=1, sequence=2, health=pb.HEALTH_STATUS_HEALTHY)
    return [
        builders.registration(),
        builders.pegin(),
        builders.pegin("cd" * 32, 1),
        builders.ask(payout),
        builders.ask(payout, request_id="another", required=1, timeout=30),
        builders.ask(builders.payout(paid=1_000), request_id="third"),
        swept,
        pb.StreamRequest(metadata=pb.RequestMetadata(request_id="status"), status_update=status),
        pb.StreamRequest(metadata=pb.RequestMetadata(request_id="beat"), heartbeat=heartbeat),
    ]


def good_bundles() -> list[gossip_pb2.WitnessBundle]:
    """What another node of the federation passes on."""
    other = builders.registered_node(1)
    other.peer("governance-1", there=True)
    other.receive(builders.STREAM, builders.ask(builders.payout()))
    bundles = other.gossip()
    assert bundles
    return bundles


def state_of(node: GovernanceNode) -> object:
    """What no refused request may change: what is signed, and what of the federation's coins is known."""
    signer = node.signer
    return (signer.coins, signer.height, signer.federation.keys, len(signer.plans))
