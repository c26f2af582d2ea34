"""What a node says of itself to anybody."""

import pytest

from alys.models.governance.access import Access
from alys.models.governance.federation import Federation
from alys.models.governance.limits import Limits
from alys.models.governance.node import GovernanceNode
from alys.models.governance.reports import capabilities
from alys.wire.generated import governance_pb2 as pb
from tests.models.governance.builders import KEYS, Federates, make_node


def status(node: GovernanceNode, check: str = "") -> str:
    return pb.HealthStatus.Name(node.health(check).status).removeprefix("HEALTH_STATUS_")


def test_a_node_is_degraded_while_a_peer_is_missing() -> None:
    node = Federates().nodes[0]
    assert status(node) == status(node, "peers") == "DEGRADED"
    assert status(node, "streams") == "HEALTHY"
    assert node.health().info["peers_missing"] == "governance-2, governance-3"
    node.peer("governance-2", there=True)
    node.peer("governance-3", there=True)
    assert status(node) == status(node, "peers") == "HEALTHY"
    assert node.health().info["peers"] == "2 of 2"


def test_a_node_is_degraded_while_it_is_halted_and_unhealthy_when_told_so() -> None:
    node = make_node()
    node.push({"emergency_halt": {}})
    assert (status(node), status(node, "signing"), status(node, "peers")) == (
        "DEGRADED",
        "DEGRADED",
        "HEALTHY",
    )
    for fault in ("refuse_signing", "refuse_registration"):
        other = make_node()
        other.faults.change({fault: True})
        assert (status(other), status(other, "streams")) == ("DEGRADED", "HEALTHY")
        assert other.faults.touched == {}, "to ask is not to be touched"
    node.faults.change({"unhealthy": True})
    assert status(node) == "UNHEALTHY"
    node.faults.change({"unhealthy": False})
    node.push({"resume": {}})
    assert status(node) == "HEALTHY"


def test_a_check_tells_its_own_entries_and_an_unknown_one_what_there_is() -> None:
    node = make_node()
    assert set(node.health("streams").info) == {"streams", "registered"}
    assert status(node, "weather") == "UNKNOWN"
    assert node.health("weather").info == {"checks": "peers, signing, streams"}


@pytest.mark.parametrize("gossips", [True, False], ids=["peers", "alone"])
def test_nothing_is_named_that_the_node_does_not_do(gossips: bool) -> None:
    federation, limits = Federation.of(KEYS, 2), Limits(streams=3)
    access = Access(api_key="a-key-of-sixteen-letters")
    said = capabilities(federation, access, limits, gossips=gossips)
    assert ("witness-gossip" in said.features) is gossips
    assert "api-key-auth" in said.features
    assert "bearer-auth" not in said.features
    assert said.limits["streams"] == 3
