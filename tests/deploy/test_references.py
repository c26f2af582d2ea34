"""What schemas cannot see: that everything an object names is there, and that selectors choose what they mean to."""

from typing import Any

import pytest

from alys.cli import front
from alys.config import environment, loader
from tests.deploy import cluster
from tools import manifests

every_folder = pytest.mark.parametrize("folder", cluster.FOLDERS)

MOCK_VARIABLES = {
    "governance": {"GOVERNANCE_NODE_ID", "GRPC_PORT", "MOCK_DELAY_MS", "GOVERNANCE_TOKEN"},
    "bitcoin": {
        "BITCOIN_NETWORK",
        "RPC_PORT",
        "P2P_PORT",
        "BITCOIN_RPC_USER",
        "BITCOIN_RPC_PASSWORD",
    },
    "ethereum": {
        "ETHEREUM_NETWORK",
        "HTTP_RPC_PORT",
        "WS_RPC_PORT",
        "ENGINE_PORT",
        "ENGINE_JWT_SECRET",
    },
}
EVERY_MOCK = {"ALYS_HOST", "ADMIN_HOST", "METRICS_PORT", "ADMIN_PORT", "ADMIN_TOKEN", "RUST_LOG"}
SERVICE_SECRETS = {
    "TEST_BITCOIN_PRIVATE_KEY",
    "TEST_ETHEREUM_PRIVATE_KEY",
    "BITCOIN_RPC_USER",
    "BITCOIN_RPC_PASSWORD",
    "ENGINE_JWT_SECRET",
    "GOVERNANCE_TOKEN",
    "ADMIN_TOKEN",
    "UPLOAD_TOKEN",
}
OF_THE_RUN = {"ALYS_HOST", "ALYS_IMAGE", "JOB_NAME", "RESULTS_URL"}
"""Read by the commands themselves, beside the settings."""

PORTS = {
    "mock-governance-1": {50051, 9100, 9101},
    "mock-governance-2": {50051, 9100, 9101},
    "mock-governance-3": {50051, 9100, 9101},
    "mock-bitcoin-node": {18332, 18333, 9100, 9101},
    "mock-ethereum-node": {8545, 8546, 8551, 9100, 9101},
    "prometheus": {9090},
    "alertmanager": {9093},
    "grafana": {3000},
    "alys-v2-test-runner-service": {8080, 9090},
}


@every_folder
def test_a_selector_chooses_the_pods_of_its_own_workload_and_of_no_other(folder: str) -> None:
    for deployment in cluster.of_kind(folder, "Deployment"):
        chooser = deployment["spec"]["selector"]
        chosen = [
            cluster.identity(other)
            for other in cluster.workloads(folder)
            if cluster.selected(cluster.pod(other)["metadata"]["labels"], chooser)
        ]
        assert chosen == [cluster.identity(deployment)]


@every_folder
def test_a_service_sends_to_one_deployment_on_ports_that_its_pod_has(folder: str) -> None:
    seen = {}
    for service in cluster.of_kind(folder, "Service"):
        (workload,) = cluster.pods_of_service(folder, service)
        assert workload["kind"] == "Deployment"
        opened = {one["name"]: one["containerPort"] for one in cluster.container(workload)["ports"]}
        for port in service["spec"]["ports"]:
            assert opened[port["targetPort"]] == port["port"]
        seen[service["metadata"]["name"]] = {port["port"] for port in service["spec"]["ports"]}
    assert seen == PORTS


@every_folder
def test_waiting_for_the_runner_waits_for_no_pod_of_a_job(folder: str) -> None:
    """`kubectl wait --for=condition=ready pod -l app=alys-v2-test-runner`: a pod that is over never gets ready."""
    chosen = [
        cluster.identity(one)
        for one in cluster.workloads(folder)
        if cluster.pod(one)["metadata"]["labels"]["app"] == "alys-v2-test-runner"
    ]
    assert chosen == [("Deployment", "alys-v2-test-runner")]


@every_folder
def test_everything_that_a_pod_names_is_there_or_made_by_the_secrets_job(folder: str) -> None:
    there = {cluster.identity(found) for found in cluster.everything(folder)}
    data = {
        found["metadata"]["name"]: set(found["data"])
        for found in cluster.of_kind(folder, "ConfigMap")
    }
    for workload in cluster.workloads(folder):
        spec = cluster.pod(workload)["spec"]
        assert ("ServiceAccount", spec["serviceAccountName"]) in there
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        for volume in volumes.values():
            if "configMap" in volume:
                assert volume["configMap"]["name"] in data
            if "persistentVolumeClaim" in volume:
                assert (
                    "PersistentVolumeClaim",
                    volume["persistentVolumeClaim"]["claimName"],
                ) in there
        mounted = [mount["name"] for mount in cluster.container(workload)["volumeMounts"]]
        assert sorted(mounted) == sorted(volumes)  # none missing, none for nothing
        for variable in cluster.container(workload).get("env", []):
            source: Any = variable.get("valueFrom", {})
            if "configMapKeyRef" in source:
                assert source["configMapKeyRef"]["key"] in data[source["configMapKeyRef"]["name"]]
            if "secretKeyRef" in source:
                wanted = source["secretKeyRef"]
                assert wanted["key"] in cluster.SECRETS[wanted["name"]]
                assert not wanted.get("optional", False)  # the container waits for it


@every_folder
def test_a_role_is_bound_to_an_account_that_exists_and_allows_just_what_its_pods_do(
    folder: str,
) -> None:
    accounts = {found["metadata"]["name"] for found in cluster.of_kind(folder, "ServiceAccount")}
    rights: dict[str, set[tuple[str, str, str]]] = {}
    roles = {found["metadata"]["name"]: found["rules"] for found in cluster.of_kind(folder, "Role")}
    for binding in cluster.of_kind(folder, "RoleBinding"):
        (subject,) = binding["subjects"]
        assert subject["name"] in accounts
        rights[subject["name"]] = {
            (resource, ",".join(sorted(rule.get("resourceNames", []))), verb)
            for rule in roles[binding["roleRef"]["name"]]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }
    turns = {
        ("leases", "", "create"),
        ("leases", "alys-chains", "get"),
        ("leases", "alys-chains", "update"),
    }
    looks = {
        (resource, "", verb)
        for resource in ("services", "pods", "endpointslices")
        for verb in ("get", "list", "watch")
    }
    assert rights == {
        "alys-test-job": turns,
        "alys-test-runner": turns | {("jobs", "", verb) for verb in ("list", "patch")},
        "generate-secrets": {
            ("secrets", "", "create"),
            ("secrets", "grafana-admin,test-secrets", "get"),
        },
        "prometheus": looks,
    }


@every_folder
def test_only_pods_that_ask_the_api_server_have_a_token(folder: str) -> None:
    for account in cluster.of_kind(folder, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False
    bound = {one["subjects"][0]["name"] for one in cluster.of_kind(folder, "RoleBinding")}
    for workload in cluster.workloads(folder):
        spec = cluster.pod(workload)["spec"]
        assert spec["automountServiceAccountToken"] is (spec["serviceAccountName"] in bound)


@every_folder
def test_every_variable_is_one_that_its_program_reads(folder: str) -> None:
    settings = set(environment.VARIABLES)
    for workload in cluster.workloads(folder):
        name, container = workload["metadata"]["name"], cluster.container(workload)
        given = [variable["name"] for variable in container.get("env", [])]
        assert len(set(given)) == len(given)
        if name in cluster.TOOLS:
            assert all(variable.startswith("GF_") for variable in given)
            continue
        match container["args"]:
            case ["mock", service]:
                assert set(given) == EVERY_MOCK | MOCK_VARIABLES[service]
            case ["secrets"]:
                assert set(given) == {"RUST_LOG"}
            case ["serve" | "test", *_]:
                assert set(given) <= settings | SERVICE_SECRETS | OF_THE_RUN
                assert set(given) >= SERVICE_SECRETS
            case other:
                raise AssertionError(other)


@every_folder
def test_the_settings_that_a_pod_would_resolve_are_sound(folder: str) -> None:
    """The file of the ConfigMap, and the environment of every pod over it, as the program itself reads them."""
    for workload in cluster.workloads(folder):
        if cluster.container(workload).get("args", ["none"])[0] not in ("serve", "test"):
            continue
        found = loader.load(
            manifests.FOLDER / "test-config.toml", cluster.environment(folder, workload), {}
        )
        assert found.world.kind == "remote"
        assert found.mock_services.governance_nodes == tuple(
            f"http://mock-governance-{n}:50051" for n in (1, 2, 3)
        )
        assert found.mock_services.bitcoin_rpc_url == "http://mock-bitcoin-node:18332"
        assert found.mock_services.ethereum_rpc_url == "http://mock-ethereum-node:8545"
        assert found.mock_services.engine_api_url == "http://mock-ethereum-node:8551"
        if workload["kind"] == "CronJob":
            assert (found.test_environment.name, found.test_environment.comprehensive) == (
                "k8s_nightly",
                True,
            )
        else:
            assert (found.test_environment.name, found.test_environment.comprehensive) == (
                "k8s",
                False,
            )
        if workload["kind"] == "Deployment":
            assert found.prometheus.metrics_port == 9090
            assert found.prometheus.enabled


@every_folder
def test_the_level_of_the_runner_is_the_container_s_own_value(folder: str) -> None:
    """`kubectl set env deployment/alys-v2-test-runner RUST_LOG=trace` replaces it; a file could not be overruled so."""
    runner = cluster.container(cluster.named(folder, "Deployment", "alys-v2-test-runner"))
    (level,) = [one for one in runner["env"] if one["name"] == "RUST_LOG"]
    assert level == {"name": "RUST_LOG", "value": "debug"}
    told = cluster.environment(folder, cluster.named(folder, "Deployment", "alys-v2-test-runner"))
    found = loader.load(manifests.FOLDER / "test-config.toml", told | {"RUST_LOG": "trace"}, {})
    assert found.test_environment.log_level == "trace"


@every_folder
def test_commands_and_ports_of_the_services_are_those_of_the_document(folder: str) -> None:
    told = {
        "GOVERNANCE_NODE_ID": ["governance-node-1", "governance-node-2", "governance-node-3"],
        "MOCK_DELAY_MS": ["10", "15", "20"],
        "GRPC_PORT": ["50051"] * 3,
        "RPC_PORT": ["18332"],
        "P2P_PORT": ["18333"],
        "HTTP_RPC_PORT": ["8545"],
        "WS_RPC_PORT": ["8546"],
        "BITCOIN_NETWORK": ["regtest"],
        "ETHEREUM_NETWORK": ["development"],
    }
    mocks = [
        one
        for one in cluster.of_kind(folder, "Deployment")
        if one["metadata"]["name"].startswith("mock-")
    ]
    seen: dict[str, list[str]] = {}
    for mock in mocks:
        given = cluster.environment(folder, mock)
        opened = {str(port["containerPort"]) for port in cluster.container(mock)["ports"]}
        assert {value for name, value in given.items() if name.endswith("_PORT")} == opened
        for name in told.keys() & given.keys():
            seen.setdefault(name, []).append(given[name])
    assert seen == told


@every_folder
def test_the_program_takes_the_arguments_of_every_pod_whose_command_it_has(folder: str) -> None:
    known = {module.__name__.rpartition(".")[2] for module in front._COMMANDS}
    seen = set()
    for workload in cluster.workloads(folder):
        if workload["metadata"]["name"] in cluster.TOOLS:
            continue
        words = cluster.container(workload)["args"]
        seen.add(words[0])
        if words[0] in known:
            assert front._parser().parse_args(words).command == words[0]
    assert seen == {"serve", "test", "mock", "secrets"}
    assert "test" in known
