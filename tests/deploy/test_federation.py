"""The federation of ``examples/federation``: sound objects, one chain, and connections along its rows only."""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from alys.chain import spec_document
from alys.cli import front, node, words
from alys.models.ethereum.genesis import read_genesis
from alys.models.ethereum.node import EthereumNode
from alys.worlds import network
from alys.worlds.member import Membership
from tests.deploy import policies
from tests.deploy.policies import End
from tests.deploy.test_checkov import EXCEPTIONS, findings
from tests.deploy.test_schemas import VERSIONS
from tools import generate_federation as made

OBJECTS: list[dict[str, Any]] = list(yaml.safe_load_all(made.FILE.read_text(encoding="utf-8")))
SECRETS = {
    "bitcoin_rpc_user",
    "bitcoin_rpc_password",
    "engine_jwt_secret",
    "governance_token",
    "admin_token",
}
ROWS = {
    ("alys-node", "alys-node"): {3001},
    ("alys-node", "bitcoin"): {18332},
    ("alys-node", "governance"): {50051, 50052, 50053},
    ("miner", "alys-node"): {3000},
    ("miner", "bitcoin"): {18332},
}


def named(kind: str, name: str) -> dict[str, Any]:
    """The one object of that kind and name."""
    return next(o for o in OBJECTS if (o["kind"], o["metadata"]["name"]) == (kind, name))


def workloads() -> list[dict[str, Any]]:
    """What makes pods."""
    return [o for o in OBJECTS if o["kind"] in ("Deployment", "StatefulSet")]


def containers() -> list[dict[str, Any]]:
    """All of them."""
    return [c for o in workloads() for c in o["spec"]["template"]["spec"]["containers"]]


def test_the_file_is_what_the_program_makes() -> None:
    assert made.FILE.read_text(encoding="utf-8") == made.render()


@pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[-1]])
def test_every_object_is_valid_and_has_no_unknown_field(version: str) -> None:
    for found in OBJECTS:
        kubernetes_validate.validate(found, version, strict=True)


def test_every_pod_is_restricted_and_every_container_bounded() -> None:
    for workload in workloads():
        pod = workload["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["automountServiceAccountToken"] is False
    for container in containers():
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert set(container["resources"]) == {"requests", "limits"}


def test_the_nodes_are_a_statefulset_with_stores_and_probes() -> None:
    found = named("StatefulSet", "alys-node")["spec"]
    assert (found["replicas"], found["podManagementPolicy"]) == (3, "Parallel")
    assert [claim["metadata"]["name"] for claim in found["volumeClaimTemplates"]] == ["data"]
    own, _ = found["template"]["spec"]["containers"]
    paths = {name: own[name]["httpGet"]["path"] for name in own if name.endswith("Probe")}
    assert paths == {
        "startupProbe": "/health",
        "livenessProbe": "/health",
        "readinessProbe": "/ready",
    }
    service = named("Service", found["serviceName"])["spec"]
    assert (service["clusterIP"], service["publishNotReadyAddresses"]) == ("None", True)


def test_every_program_takes_its_arguments() -> None:
    parser = front._parser()
    for container in containers():
        told = parser.parse_args(container["args"])
        assert told.command in ("mock", "node", "mine")


@pytest.mark.parametrize("ordinal", range(3))
def test_a_pod_is_the_authority_of_its_ordinal(ordinal: int, tmp_path: Path) -> None:
    own, _ = named("StatefulSet", "alys-node")["spec"]["template"]["spec"]["containers"]
    args = [word.replace("$(POD_NAME)", f"alys-node-{ordinal}") for word in own["args"]]
    (tmp_path / "chain").mkdir()
    for name, text in named("ConfigMap", "chain")["data"].items():
        (tmp_path / "chain" / name).write_text(text)
    args = [word.replace("/chain/", f"{tmp_path}/chain/") for word in args]
    told: argparse.Namespace = front._parser().parse_args(args)
    settings = node._settings(told, {})
    assert (settings.world.host, len(settings.mock_services.governance_nodes)) == ("0.0.0.0", 3)
    spec = spec_document.read(json.loads((tmp_path / "chain" / "spec.json").read_text()))
    me = node._membership(told, spec)
    assert isinstance(me, Membership)
    assert (me.index, me.listen) == (ordinal, ("0.0.0.0", 3001))
    assert me.peers[ordinal] == f"alys-node-{ordinal}.alys-node.alys-federation.svc:3001"
    assert words.port("--rpc-port", told.rpc_port) == 3000


def test_the_specification_begins_at_the_genesis_of_every_execution_client() -> None:
    data = named("ConfigMap", "chain")["data"]
    client = EthereumNode(read_genesis(json.loads(data["genesis.json"])), lambda: 0.0)
    spec = spec_document.read(json.loads(data["spec.json"]))
    assert spec.genesis_execution_hash == network.genesis_hash(client)
    assert len(spec.authorities) == 3


def test_what_is_named_is_there_and_nothing_secret_is_in_the_file() -> None:
    taken = {
        variable["valueFrom"]["secretKeyRef"]["key"]
        for container in containers()
        for variable in container["env"]
        if "secretKeyRef" in variable.get("valueFrom", {})
    }
    assert taken == SECRETS
    for workload in workloads():
        pod = workload["spec"]["template"]["spec"]
        claims = {"data"} if "volumeClaimTemplates" in workload["spec"] else set()
        volumes = {volume["name"] for volume in pod["volumes"]} | claims
        for container in pod["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


def test_connections_go_along_the_rows_and_nowhere_else() -> None:
    rules = [o for o in OBJECTS if o["kind"] == "NetworkPolicy"]
    pods = {
        o["metadata"]["name"]: End(
            o["metadata"]["name"], made.NAMESPACE, o["spec"]["template"]["metadata"]["labels"]
        )
        for o in workloads()
    }
    ports = {3000, 3001, 8545, 8551, 9100, 9101, 18332, 18333, 50051, 50052, 50053}
    for source, start in pods.items():
        for target, end in pods.items():
            open_ = {port for port in ports if policies.allowed(rules, start, end, port, "TCP")}
            assert open_ == ROWS.get((source, target), set()), (source, target)
        resolver = End("dns", "kube-system", {"k8s-app": "kube-dns"})
        assert policies.allowed(rules, start, resolver, 53, "UDP")
        assert not policies.allowed(rules, start, End("outside", address="192.0.2.1"), 443, "TCP")
        assert not policies.allowed(rules, End("stranger", "default", {}), start, 3000, "TCP")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("checkov") is None, reason="checkov is not on the PATH")
def test_checkov_finds_nothing_else_than_in_the_other_manifests(tmp_path: Path) -> None:
    found = findings(made.FILE.parent, tmp_path, passed_min=200)
    no_port = {("CKV_K8S_8", "miner"), ("CKV_K8S_9", "miner")}  # it serves nobody who could ask it
    assert {check for check, name in found if (check, name) not in no_port} <= set(EXCEPTIONS)
