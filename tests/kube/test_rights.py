"""The Roles of k8s/ grant what this room asks of the API server, and not a verb more.

What is asked is seen on the stand-in; what is granted stands in the manifests; the table between them is that of
docs/reference/cluster.md.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from alys.base import prng
from alys.base.jobs import JobRun
from alys.kube import client, jobs, lease, secrets
from tests.kube.conftest import NAMESPACE
from tests.kube.standin.server import StandIn

ROOT = Path(__file__).resolve().parents[2]
Right = tuple[str, str, str]
"""Verb, resource, and the name it is limited to ("" for any)."""

TURNS: set[Right] = {
    ("create", "leases.coordination.k8s.io", ""),
    ("get", "leases.coordination.k8s.io", "alys-chains"),
    ("update", "leases.coordination.k8s.io", "alys-chains"),
}
RIGHTS: dict[str, set[Right]] = {
    "alys-test-job": TURNS,
    "alys-test-runner": TURNS | {("list", "jobs.batch", ""), ("patch", "jobs.batch", "")},
    "generate-secrets": {
        ("create", "secrets", ""),
        ("get", "secrets", "test-secrets"),
        ("get", "secrets", "grafana-admin"),
    },
}


def granted(folder: str, role: str) -> set[Right]:
    """The rights of a Role, one by one."""
    text = (ROOT / folder / "namespace.yaml").read_text(encoding="utf-8")
    documents: list[dict[str, Any]] = [each for each in yaml.safe_load_all(text) if each]
    found = next(
        each for each in documents if each["kind"] == "Role" and each["metadata"]["name"] == role
    )
    return {
        (verb, f"{resource}.{group}" if group else resource, name)
        for rule in found["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }


def asked(standin: StandIn, limited: set[str]) -> set[Right]:
    """What the requests since the last look asked for; the name only where a resource is limited to names."""
    verbs = {"GET": "get", "PUT": "update", "POST": "create", "PATCH": "patch"}
    found: set[Right] = set()
    for request in standin.requests:
        method, path = request.split()
        place = re.fullmatch(r"/apis?/(?:([^/]+)/)?v1/namespaces/[^/]+/([^/]+)(?:/([^/]+))?", path)
        assert place is not None, request
        group, resource, name = place.groups()
        verb = "list" if method == "GET" and not name else verbs[method]
        qualified = f"{resource}.{group}" if group else resource
        found.add((verb, qualified, (name or "") if resource in limited else ""))
    del standin.requests[:]
    return found


@pytest.mark.parametrize("folder", ["k8s", "k8s-small"])
@pytest.mark.parametrize("role", RIGHTS)
def test_a_role_grants_its_row_of_the_table(folder: str, role: str) -> None:
    assert granted(folder, role) == RIGHTS[role]


def test_turns_ask_for_their_rights(cluster: client.Cluster, standin: StandIn) -> None:
    del standin.requests[:]
    holder = lease.ClusterLease(cluster)
    holder.acquire("a", print)
    holder.renew()
    holder.wanted()
    holder.release()
    other = lease.ClusterLease(cluster)
    other.acquire("b", print)

    def give_up(_holder: str) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        lease.ClusterLease(cluster).acquire("c", give_up)
    assert asked(standin, {"leases"}) == TURNS


def test_secrets_ask_for_their_rights(cluster: client.Cluster, standin: StandIn) -> None:
    del standin.requests[:]
    secrets.fill(cluster, prng.SeededRandom(1).randbytes, print)
    assert asked(standin, {"secrets"}) == RIGHTS["generate-secrets"]


def test_the_clean_up_asks_for_its_rights(cluster: client.Cluster, standin: StandIn) -> None:
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "one", "namespace": NAMESPACE},
        "spec": {"template": {"spec": pod}},
    }
    cluster.create(client.JOBS, job)
    del standin.requests[:]
    run_id = f"{standin.now().strftime(jobs.RUN_STAMP)}-integration-abcdef"
    run = JobRun(job="one", run_id=run_id, suite="integration", verdict="pass")
    assert jobs.mark_passed(cluster, [run]) == ["one"]
    assert asked(standin, set()) | TURNS == RIGHTS["alys-test-runner"]
