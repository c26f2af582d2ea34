"""Who may talk to whom: the table of the documentation, each pair tried on each port, and everything else refused."""

import itertools
import re
from pathlib import Path

import pytest

from tests.deploy import cluster, policies
from tests.deploy.policies import End

HOME = "alys-v2-testing"
DNS = End("dns", "kube-system", {"k8s-app": "kube-dns"})
OTHER_IN_KUBE_SYSTEM = End("other in kube-system", "kube-system", {"k8s-app": "metrics-server"})
NODE_LOCAL_DNS = End("node-local dns", address="169.254.20.10")
METADATA = End("cloud metadata", address="169.254.169.254")
API = End("api server", address="10.231.0.2")
INTERNET = End("internet", address="203.0.113.7")
FALSE_DNS = End("calls itself dns", "default", {"k8s-app": "kube-dns"})
STRANGER = End("stranger", HOME, {"app": "debug"})
FOREIGN_RUNNER = End("runner elsewhere", "default", {"app": "alys-v2-test-runner"})
PORTS: tuple[int, ...] = (
    53,
    80,
    443,
    3000,
    6443,
    8080,
    8443,
    8545,
    8546,
    8551,
    9090,
    9093,
    9100,
    9101,
    16443,
)
PORTS += (18332, 18333, 22, 50051)

RUNS = ("alys-v2-test-runner", "integration-test-job", "nightly-regression-tests")
GOVERNANCE = ("mock-governance-1", "mock-governance-2", "mock-governance-3")
MOCKS = (*GOVERNANCE, "mock-bitcoin-node", "mock-ethereum-node")
ALL_PODS: tuple[str, ...] = (
    *RUNS,
    "supervision-test-job",
    "performance-test-job",
    *MOCKS,
    "prometheus",
)
ALL_PODS += ("alertmanager", "grafana", "generate-secrets")
JOBS = (*RUNS[1:], "supervision-test-job", "performance-test-job")
DRIVERS = ("alys-v2-test-runner", *JOBS)


def table() -> set[tuple[str, str, int, str]]:
    """What is allowed, written out: source, target, port, protocol."""
    rows = {
        (pod, dns.name, 53, protocol)
        for pod in (*ALL_PODS, "stranger")
        for dns in (DNS, NODE_LOCAL_DNS)
        for protocol in ("UDP", "TCP")
    }
    rows |= {
        (pod, outside.name, port, "TCP")
        for pod in (*DRIVERS, "prometheus", "generate-secrets")
        for outside in (API, INTERNET, METADATA, NODE_LOCAL_DNS)  # by port alone; the page says why
        for port in (443, 6443, 8443, 16443)
    }
    rows |= {
        (pod, dns.name, port, "TCP")
        for pod in (*DRIVERS, "prometheus", "generate-secrets")
        for dns in (DNS, OTHER_IN_KUBE_SYSTEM, FALSE_DNS, FOREIGN_RUNNER)
        for port in (443, 6443, 8443, 16443)
    }
    for driver in DRIVERS:
        rows |= {(driver, node, port, "TCP") for node in GOVERNANCE for port in (50051, 9101)}
        rows |= {(driver, "mock-bitcoin-node", port, "TCP") for port in (18332, 9101)}
        rows |= {(driver, "mock-ethereum-node", port, "TCP") for port in (8545, 8546, 8551, 9101)}
    rows |= {(job, "alys-v2-test-runner", 8080, "TCP") for job in JOBS}
    rows |= {("prometheus", mock, 9100, "TCP") for mock in MOCKS}
    rows |= {("prometheus", "alys-v2-test-runner", 9090, "TCP")}
    rows |= {("prometheus", "alertmanager", 9093, "TCP"), ("grafana", "prometheus", 9090, "TCP")}
    return rows


def ends(folder: str) -> list[End]:
    pods = [
        End(one["metadata"]["name"], HOME, cluster.pod(one)["metadata"]["labels"])
        for one in cluster.workloads(folder)
    ]
    assert {pod.name for pod in pods} == set(ALL_PODS)
    outside = [DNS, NODE_LOCAL_DNS, OTHER_IN_KUBE_SYSTEM, METADATA, API, INTERNET, FALSE_DNS]
    return [*pods, STRANGER, FOREIGN_RUNNER, *outside]


@pytest.mark.slow
@pytest.mark.parametrize("folder", cluster.FOLDERS)
def test_every_pair_is_allowed_on_exactly_the_ports_of_the_table(folder: str) -> None:
    rules = cluster.of_kind(folder, "NetworkPolicy")
    everybody = ends(folder)
    here = [end for end in everybody if end.namespace == HOME]
    pairs = [
        (source, target)
        for source, target in itertools.product(everybody, everybody)
        if source != target and (source in here or target in here)
    ]
    tried = {
        (source.name, target.name, port, protocol): policies.allowed(
            rules, source, target, port, protocol
        )
        for source, target in pairs
        for port in PORTS
        for protocol in ("TCP", "UDP")
    }
    wanted = table()
    assert wanted <= tried.keys()
    assert {row for row, goes in tried.items() if goes} == wanted


@pytest.mark.parametrize(
    "removed", [one["metadata"]["name"] for one in cluster.of_kind("k8s", "NetworkPolicy")]
)
def test_no_policy_is_superfluous(removed: str) -> None:
    """Without it some pair of the table is refused, or, without the one that denies, some other pair goes through."""
    rules = [
        one for one in cluster.of_kind("k8s", "NetworkPolicy") if one["metadata"]["name"] != removed
    ]
    everybody = {end.name: end for end in ends("k8s")}
    refused = {
        row
        for row in table()
        if not policies.allowed(rules, everybody[row[0]], everybody[row[1]], row[2], row[3])
    }
    if removed == "default-deny":
        assert policies.allowed(rules, FOREIGN_RUNNER, STRANGER, 80, "TCP")
    else:
        assert refused


def test_a_job_that_kubectl_makes_from_the_cronjob_may_do_what_the_nightly_run_may() -> None:
    """`kubectl create job --from=cronjob/...` takes the template of the Job, and so the labels of its pods."""
    nightly = cluster.named("k8s", "CronJob", "nightly-regression-tests")
    template = nightly["spec"]["jobTemplate"]["spec"]["template"]
    assert template["metadata"]["labels"]["app"] == "alys-test-job"


def test_the_evaluator_knows_the_rules_of_the_api() -> None:
    a, b = End("a", "x", {"app": "a"}), End("b", "x", {"app": "b"})
    closed = {
        "metadata": {"namespace": "x"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }
    assert policies.allowed([], a, b, 1, "TCP")
    assert not policies.allowed([closed], a, b, 1, "TCP")
    assert policies.allowed([closed], a, End("c", "y"), 1, "TCP")  # another namespace is not bound
    let_a = {
        "metadata": {"namespace": "x"},
        "spec": {
            "podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"from": [{"podSelector": {"matchLabels": {"app": "a"}}}], "ports": [{"port": 1}]}
            ],
        },
    }
    assert policies.allowed([closed, let_a], a, b, 1, "TCP")
    assert not policies.allowed([closed, let_a], a, b, 1, "UDP")
    assert not policies.allowed([closed, let_a], a, b, 2, "TCP")
    assert not policies.allowed([closed, let_a], End("a", "y", {"app": "a"}), b, 1, "TCP")
    let_all: cluster.Object = {
        "metadata": {"namespace": "x"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]},
    }
    assert policies.allowed([closed, let_all], End("o", address="192.0.2.1"), b, 7, "UDP")


def test_the_page_shows_the_table() -> None:
    """Each row of the documentation names a pair that is in the table, and every pair of apps is on the page."""
    page = (Path(__file__).parents[2] / "docs/how-to/kubernetes.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `([\w-]+)` \| `([\w-]+)` \| ([\d, ]+) \|$", page, re.MULTILINE)
    apps = {end.name: end.labels["app"] for end in ends("k8s") if "app" in end.labels}
    inside = {
        (apps[row[0]], apps[row[1]], row[2])
        for row in table()
        if row[0] in apps and row[1] in apps and row[1] != FOREIGN_RUNNER.name
    }
    told = {
        (source, target, int(port)) for source, target, ports in shown for port in ports.split(", ")
    }
    assert told == inside
