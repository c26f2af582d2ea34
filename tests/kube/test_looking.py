"""A namespace as the doctor sees it: Secrets by the names of their keys, pods by the reason why they wait."""

from typing import Any

import pytest

from alys.base import prng
from alys.base.seen import Pod
from alys.kube import client, looking, secrets
from tests.kube.conftest import NAMESPACE
from tests.kube.standin.server import StandIn


def test_what_is_there_is_well_and_only_read(cluster: client.Cluster, standin: StandIn) -> None:
    secrets.fill(cluster, prng.SeededRandom(1).randbytes, lambda _: None)
    del standin.requests[:]
    seen = looking.look(cluster)
    assert seen.namespace == NAMESPACE
    assert seen.missing == {"test-secrets": (), "grafana-admin": ()}
    assert (seen.pods, seen.forbidden) == ((), ())
    assert {request.split()[0] for request in standin.requests} == {"GET"}


def test_absent_secrets_and_absent_keys_are_named_and_no_value_is(cluster: client.Cluster) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "grafana-admin"},
        "data": {"admin-user": "aHVudGVyMg=="},
    }
    cluster.create(client.SECRETS, secret)
    seen = looking.look(cluster)
    assert seen.missing == {"test-secrets": None, "grafana-admin": ("admin-password",)}
    assert "aHVudGVyMg==" not in repr(seen)
    assert "hunter2" not in repr(seen)


def test_what_may_not_be_read_is_said_with_the_verb(
    cluster: client.Cluster, standin: StandIn
) -> None:
    standin.refuse_next("GET", 403, times=3)
    seen = looking.look(cluster)
    assert seen.forbidden == ("get secrets/test-secrets", "get secrets/grafana-admin", "list pods")
    assert (seen.missing, seen.pods) == ({}, ())


def test_an_api_server_that_fails_is_an_error_and_asked_once(
    cluster: client.Cluster, standin: StandIn
) -> None:
    standin.refuse_next("GET", 500, times=2)
    del standin.requests[:]
    with pytest.raises(client.ClusterFailure):
        looking.look(cluster)
    assert len(standin.requests) == 1


def test_a_pod_in_the_cluster_that_waits_is_found(cluster: client.Cluster) -> None:
    keys = [{"secretRef": {"name": "test-secrets"}}]
    made = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "waiting"},
        "spec": {"containers": [{"name": "c", "image": "x", "envFrom": keys}]},
    }
    cluster.create(looking.PODS, made)
    found = Pod("waiting", "CreateContainerConfigError", 'secret "test-secrets" not found')
    assert looking.look(cluster).pods == (found,)


@pytest.mark.parametrize(("phase", "apps"), [("Running", ("mock-governance",)), ("Failed", ())])
def test_a_pod_that_ended_stands_for_no_workload(
    cluster: client.Cluster, monkeypatch: pytest.MonkeyPatch, phase: str, apps: tuple[str, ...]
) -> None:
    """One that was evicted stays in the list."""
    labels = {"name": "p", "labels": {"app": "mock-governance"}}
    listed = {"items": [{"metadata": labels, "status": status(phase)}]}
    asked = cluster.get
    monkeypatch.setattr(
        cluster,
        "get",
        lambda place, *words, **more: (
            listed if place == looking.PODS else asked(place, *words, **more)
        ),
    )
    assert looking.look(cluster).apps == apps


def status(phase: str, *containers: dict[str, Any], **conditions: Any) -> dict[str, Any]:
    return {
        "phase": phase,
        "containerStatuses": list(containers),
        "conditions": [{"type": kind, **said} for kind, said in conditions.items()],
    }


def waiting(reason: str) -> dict[str, Any]:
    return {"name": "c", "state": {"waiting": {"reason": reason, "message": "no such\nimage"}}}


UNSCHEDULABLE = {"status": "False", "reason": "Unschedulable", "message": "0/1: Insufficient cpu"}
UNREADY = {"status": "False", "message": "containers with unready status: [c]"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (status("Running", Ready={"status": "True"}), None),
        (status("Succeeded", Ready=UNREADY), None),
        (status("Failed", Ready=UNREADY), None),
        (
            status("Pending", waiting("CreateContainerConfigError"), Ready=UNREADY),
            Pod("p", "CreateContainerConfigError", "no such image"),
        ),
        (
            status("Pending", PodScheduled=UNSCHEDULABLE),
            Pod("p", "Unschedulable", "0/1: Insufficient cpu"),
        ),
        (
            status("Running", Ready=UNREADY),
            Pod("p", "NotReady", "containers with unready status: [c]"),
        ),
        (status("Pending", waiting("ContainerCreating")), Pod("p", "NotReady", "")),
        (
            {"phase": "Pending", "initContainerStatuses": [waiting("ImagePullBackOff")]},
            Pod("p", "ImagePullBackOff", "no such image"),
        ),
    ],
)
def test_the_reason_is_that_of_the_container_or_of_the_scheduler(
    said: dict[str, Any], expected: Pod | None
) -> None:
    assert looking.not_ready({"metadata": {"name": "p"}, "status": said}) == expected


def test_a_pod_on_its_way_out_is_left_alone() -> None:
    gone = {"name": "p", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    assert looking.not_ready({"metadata": gone, "status": status("Running")}) is None
