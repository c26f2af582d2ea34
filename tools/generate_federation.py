"""Writes ``examples/federation/federation.yaml``: ``python tools/generate_federation.py [--check]``.

Three whole nodes as a StatefulSet, each with an execution client of its own beside it in the pod, a Bitcoin node, three governance
nodes and a merged miner, in a namespace of their own. ``--check`` writes nothing and exits 1 when the committed file is another.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml
from typing_extensions import override

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from alys.chain import spec_document  # noqa: E402
from alys.chain.spec import dev_federation  # noqa: E402
from alys.config.settings import Settings  # noqa: E402
from alys.models.ethereum.genesis import dev_genesis, geth_genesis  # noqa: E402
from alys.models.ethereum.node import EthereumNode  # noqa: E402
from alys.worlds import network  # noqa: E402

FILE = ROOT / "examples" / "federation" / "federation.yaml"
HEADER = """\
# Made by tools/generate_federation.py; change it there. How to use it: docs/how-to/federation.md.
"""
NAMESPACE = "alys-federation"
IMAGE = "alys-v2-test-runner:latest"
SECRETS = "federation-secrets"
GENESIS_SECONDS = 1_767_225_600
"""2026-01-01: one moment, so that every execution client has the same block 0, and the specification can name it."""
NODES = network.AUTHORITIES
RPC, WIRE, METRICS, ADMIN = 3000, 3001, 9100, 9101
GOVERNANCE = (50051, 50052, 50053)
USER = 10001

Object = dict[str, Any]


def objects() -> list[Object]:
    """Everything in the file, in the order in which it is applied."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": NAMESPACE, "labels": _RESTRICTED},
        },
        _object("v1", "ServiceAccount", "federation", automountServiceAccountToken=False),
        _object("v1", "ConfigMap", "chain", data=_chain()),
        *_policies(),
        _service("bitcoin", {"rpc": 18332}),
        _workload("bitcoin", [_bitcoin()], claim="2Gi"),
        _service("governance", {f"grpc-{port}": port for port in GOVERNANCE}),
        _workload("governance", [_governance(number) for number in range(len(GOVERNANCE))]),
        _service("alys-node", {"rpc": RPC, "peers": WIRE, "metrics": METRICS}, headless=True),
        _workload("alys-node", [_node(), _execution()], claim="5Gi", replicas=NODES),
        _workload("miner", [_miner()]),
    ]


_RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/warn": "restricted",
}


def _chain() -> dict[str, str]:
    """What all nodes must agree on, and the settings of each."""
    genesis = dev_genesis(GENESIS_SECONDS)
    client = EthereumNode(genesis, lambda: float(GENESIS_SECONDS))
    spec = network.specification(Settings().node, network.genesis_hash(client), 0, dev_federation())
    return {
        "genesis.json": json.dumps(geth_genesis(genesis), indent=1) + "\n",
        "spec.json": json.dumps(spec_document.write(spec), indent=1) + "\n",
        "node.toml": '[test_environment]\nlog_level = "info"\n\n# Figures of the node: docs/reference/node-policies.md\n[node.actors.chain]\nmailbox = 100000\n',
    }


def _object(version: str, kind: str, name: str, **rest: Any) -> Object:
    meta = {
        "name": name,
        "namespace": NAMESPACE,
        "labels": {"app.kubernetes.io/part-of": NAMESPACE},
    }
    return {"apiVersion": version, "kind": kind, "metadata": meta, **rest}


def _service(app: str, ports: dict[str, int], *, headless: bool = False) -> Object:
    spec: Object = {
        "selector": {"app": app},
        "ports": [{"name": n, "port": p, "targetPort": n} for n, p in ports.items()],
    }
    if headless:  # peers find each other before they are ready: nobody is, alone
        spec |= {"clusterIP": "None", "publishNotReadyAddresses": True}
    return _object("v1", "Service", app, spec=spec)


def _workload(
    app: str, containers: list[Object], *, claim: str | None = None, replicas: int = 1
) -> Object:
    labels = {"app": app, "app.kubernetes.io/part-of": NAMESPACE}
    volumes: list[Object] = [
        {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        {"name": "chain", "configMap": {"name": "chain"}},
    ]
    pod: Object = {
        "serviceAccountName": "federation",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 60,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": containers,
        "volumes": volumes,
    }
    spec: Object = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": app}},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    if claim is None:
        return _object("apps/v1", "Deployment", app, spec=spec)
    template = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": claim}}},
    }
    # Parallel: a node alone never gets ready, so none may wait for the one before it.
    spec |= {
        "serviceName": app,
        "podManagementPolicy": "Parallel",
        "volumeClaimTemplates": [template],
    }
    return _object("apps/v1", "StatefulSet", app, spec=spec)


def _container(
    name: str,
    args: list[str],
    ports: dict[str, int],
    env: dict[str, Any],
    *,
    mounts: dict[str, str],
) -> Object:
    secret = {"ADMIN_TOKEN": "admin_token", "BITCOIN_RPC_USER": "bitcoin_rpc_user"}
    secret |= {
        "BITCOIN_RPC_PASSWORD": "bitcoin_rpc_password",
        "ENGINE_JWT_SECRET": "engine_jwt_secret",
    }
    secret |= {"GOVERNANCE_TOKEN": "governance_token"}
    listed: list[Object] = []
    for key, value in env.items():
        if value is None:
            listed.append(
                {"name": key, "valueFrom": {"secretKeyRef": {"name": SECRETS, "key": secret[key]}}}
            )
        elif value == "":
            listed.append({"name": key, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}})
        else:
            listed.append({"name": key, "value": str(value)})
    made: Object = {
        "name": name,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "args": args,
        "ports": [{"name": n, "containerPort": p} for n, p in ports.items()],
        "env": listed,
        "resources": {
            "requests": {"cpu": "100m", "memory": "192Mi"},
            "limits": {"cpu": "1", "memory": "768Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": n, "mountPath": p, **({"readOnly": True} if n == "chain" else {})}
            for n, p in {"tmp": "/tmp", **mounts}.items()
        ],
    }
    metrics = next((n for n in ports if n.startswith("metrics")), None)
    if metrics is not None:
        made |= {
            "startupProbe": _probe("/health", metrics, 2, 90),
            "livenessProbe": _probe("/health", metrics, 10, 6),
            "readinessProbe": _probe("/ready", metrics, 5, 3),
        }
    return made


def _probe(path: str, port: str, period: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": port},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _bitcoin() -> Object:
    env = {
        "ALYS_HOST": "0.0.0.0",
        "BITCOIN_RPC_USER": None,
        "BITCOIN_RPC_PASSWORD": None,
        "ADMIN_TOKEN": None,
    }
    return _container(
        "bitcoin",
        ["mock", "bitcoin", "--data-dir", "/data"],
        {"rpc": 18332, "metrics": METRICS},
        env,
        mounts={"data": "/data"},
    )


def _governance(number: int) -> Object:
    """One of three in a pod, each on ports of its own."""
    port, step = GOVERNANCE[number], 10 * number
    env = {"ALYS_HOST": "0.0.0.0", "GOVERNANCE_TOKEN": None, "ADMIN_TOKEN": None}
    flags = {
        "--node-id": f"governance-node-{number + 1}",
        "--grpc-port": port,
        "--metrics-port": METRICS + step,
        "--admin-port": ADMIN + step,
    }
    return _container(
        f"governance-{number + 1}",
        ["mock", "governance", *(str(word) for pair in flags.items() for word in pair)],
        {f"grpc-{port}": port, f"metrics-{number + 1}": METRICS + step},
        env,
        mounts={},
    )


def _node() -> Object:
    flags = {
        "--index": "$(POD_NAME)",
        "--peers": ",".join(
            f"alys-node-{n}.alys-node.{NAMESPACE}.svc:{WIRE}" for n in range(NODES)
        ),
        "--listen": f"0.0.0.0:{WIRE}",
        "--data-dir": "/data/node",
        "--spec": "/chain/spec.json",
        "--config": "/chain/node.toml",
        "--host": "0.0.0.0",
        "--rpc-port": RPC,
        "--metrics-port": METRICS,
        "--bitcoin": "http://bitcoin:18332",
        "--ethereum": "http://127.0.0.1:8545",
        "--engine": "http://127.0.0.1:8551",
        "--governance": ",".join(f"http://governance:{port}" for port in GOVERNANCE),
    }
    env = {"POD_NAME": "", "BITCOIN_RPC_USER": None, "BITCOIN_RPC_PASSWORD": None}
    env |= {"ENGINE_JWT_SECRET": None, "GOVERNANCE_TOKEN": None}
    return _container(
        "node",
        ["node", *(str(word) for pair in flags.items() for word in pair)],
        {"rpc": RPC, "peers": WIRE, "metrics": METRICS},
        env,
        mounts={"data": "/data", "chain": "/chain"},
    )


def _execution() -> Object:
    """Nobody but the node in its pod speaks to it: no row of the policies leads to its ports."""
    env = {"ALYS_HOST": "0.0.0.0", "ENGINE_JWT_SECRET": None, "ADMIN_TOKEN": None}
    words = ["mock", "ethereum", "--genesis", "/chain/genesis.json", "--dev-methods", "off"]
    words += ["--metrics-port", "9110", "--admin-port", "9111"]
    return _container("execution", words, {"metrics-client": 9110}, env, mounts={"chain": "/chain"})


def _miner() -> Object:
    env = {"BITCOIN_RPC_USER": None, "BITCOIN_RPC_PASSWORD": None}
    words = [
        "mine",
        "--node",
        f"http://alys-node:{RPC}",
        "--bitcoin",
        "http://bitcoin:18332",
        "--every",
        "5",
    ]
    return _container("miner", words, {}, env, mounts={})


def _policies() -> list[Object]:
    """Nobody reaches anybody but along these rows (and everybody a name server)."""
    rows = [
        ("alys-node", "alys-node", (WIRE,)),
        ("alys-node", "bitcoin", (18332,)),
        ("alys-node", "governance", GOVERNANCE),
        ("miner", "alys-node", (RPC,)),
        ("miner", "bitcoin", (18332,)),
    ]
    dns = [{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}]
    made = [
        _policy("nothing-but-names", {}, {"policyTypes": ["Ingress", "Egress"], "egress": dns}),
    ]
    for source, target, ports in rows:
        allowed = [{"port": port, "protocol": "TCP"} for port in ports]
        out = [{"to": [_pods(target)], "ports": allowed}]
        into = [{"from": [_pods(source)], "ports": allowed}]
        made += [
            _policy(
                f"{source}-to-{target}", {"app": source}, {"policyTypes": ["Egress"], "egress": out}
            ),
            _policy(
                f"{target}-from-{source}",
                {"app": target},
                {"policyTypes": ["Ingress"], "ingress": into},
            ),
        ]
    return made


def _pods(app: str) -> Object:
    return {"podSelector": {"matchLabels": {"app": app}}}


def _policy(name: str, labels: dict[str, str], rest: Object) -> Object:
    chosen = {"matchLabels": labels} if labels else {}
    return _object(
        "networking.k8s.io/v1", "NetworkPolicy", name, spec={"podSelector": chosen, **rest}
    )


class _Dumper(yaml.SafeDumper):
    """Texts of several lines stand as they are; nothing is an alias."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    )


_Dumper.add_representer(str, _text)


def render() -> str:
    """The file."""
    return HEADER + yaml.dump_all(objects(), Dumper=_Dumper, sort_keys=False, width=4096)


def main() -> int:
    """Write it, or say that it is another one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    if parser.parse_args().check:
        return int(FILE.read_text(encoding="utf-8") != render())
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(render(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
