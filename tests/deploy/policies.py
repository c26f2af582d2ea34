"""NetworkPolicies as Kubernetes reads them, evaluated without a cluster.

From the API's reference: a pod that no policy selects for a direction is open in it; one that some select is closed but for what any of
them allows; a connection needs both its ends to allow it. A rule without peers allows every peer, one without ports every
port. ``ipBlock`` means addresses outside; pods are chosen by labels, in the policy's own namespace unless a
``namespaceSelector`` says which.
"""

import ipaddress
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from tests.deploy.cluster import Object, selected

NAMESPACE_LABEL = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod by its namespace and labels, or, with an address alone, something outside."""

    name: str
    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    address: str = ""

    @override
    def __str__(self) -> str:
        return self.name


def allowed(policies: list[Object], source: End, target: End, port: int, protocol: str) -> bool:
    """Whether a connection goes through: out of its source and into its target."""
    return _passes(policies, "Egress", source, target, port, protocol) and _passes(
        policies, "Ingress", target, source, port, protocol
    )


def _passes(
    policies: list[Object], direction: str, pod: End, other: End, port: int, protocol: str
) -> bool:
    binding = [one for one in policies if _binds(one, direction, pod)]
    if not binding:
        return True
    peers, rules = ("to", "egress") if direction == "Egress" else ("from", "ingress")
    return any(
        _peer_fits(rule.get(peers), one["metadata"]["namespace"], other)
        and _port_fits(rule.get("ports"), port, protocol)
        for one in binding
        for rule in one["spec"].get(rules, [])
    )


def _binds(policy: Object, direction: str, pod: End) -> bool:
    return (
        not pod.address
        and policy["metadata"]["namespace"] == pod.namespace
        and direction in policy["spec"]["policyTypes"]
        and selected(pod.labels, policy["spec"]["podSelector"])
    )


def _peer_fits(peers: list[dict[str, Any]] | None, home: str, other: End) -> bool:
    return not peers or any(_is_peer(peer, home, other) for peer in peers)


def _is_peer(peer: dict[str, Any], home: str, other: End) -> bool:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        return bool(other.address) and (
            ipaddress.ip_address(other.address) in ipaddress.ip_network(block["cidr"])
            and not any(
                ipaddress.ip_address(other.address) in ipaddress.ip_network(hole)
                for hole in block.get("except", [])
            )
        )
    if other.address:
        return False
    if "namespaceSelector" in peer:
        if not selected({NAMESPACE_LABEL: other.namespace}, peer["namespaceSelector"]):
            return False
    elif other.namespace != home:
        return False
    return selected(other.labels, peer.get("podSelector", {}))


def _port_fits(ports: list[dict[str, Any]] | None, port: int, protocol: str) -> bool:
    if not ports:
        return True
    return any(
        one.get("protocol", "TCP") == protocol and ("port" not in one or one["port"] == port)
        for one in ports
    )
