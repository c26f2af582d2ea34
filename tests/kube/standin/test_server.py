"""The stand-in itself: it must refuse what a real API server refuses, or a proof on it is worth nothing."""

import copy
import http.client
import json
from collections.abc import Callable
from typing import Any

import pytest

from alys.kube import client
from tests.kube.conftest import NAMESPACE
from tests.kube.standin.server import Play, StandIn

Document = dict[str, Any]

COLLECTIONS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "CronJob": "/apis/batch/v1/namespaces/{}/cronjobs",
    "Service": "/api/v1/namespaces/{}/services",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Pod": "/api/v1/namespaces/{}/pods",
    "Lease": "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
}


def pod_spec(**more: object) -> Document:
    return {"containers": [{"name": "c", "image": "x"}]} | more


def good(kind: str) -> Document:
    """A small valid document of each kind."""
    labels = {"app": "one"}
    once = {"spec": pod_spec(restartPolicy="Never")}
    bodies: dict[str, Document] = {
        "Deployment": {
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod_spec()},
            }
        },
        "Job": {"spec": {"backoffLimit": 0, "template": once}},
        "CronJob": {"spec": {"schedule": "0 2 * * *", "jobTemplate": {"spec": {"template": once}}}},
        "Service": {"spec": {"ports": [{"name": "http", "port": 80}]}},
        "ConfigMap": {"data": {"a": "1"}},
        "Pod": {"spec": pod_spec()},
        "Lease": {"spec": {"leaseDurationSeconds": 30}},
        "RoleBinding": {
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
        },
    }
    group = COLLECTIONS[kind].split("/")
    version = "v1" if group[1] == "api" else f"{group[2]}/v1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "one"}} | bodies[kind]


def put(path: str, value: object) -> Callable[[Document], None]:
    """Set what a dotted path names; a number is a place in a list, None removes."""

    def change(document: Document) -> None:
        *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        place: Any = document
        for part in parents:
            place = place[part]
        if value is None:
            del place[last]
        else:
            place[last] = value

    return change


POD = "spec.template.spec"
WRONG = [
    (
        "Deployment",
        put(f"{POD}.containerz", []),
        400,
        'unknown field "spec.template.spec.containerz"',
    ),
    (
        "CronJob",
        put("spec.jobTemplate.spec.template.spec.backoffLimit", 1),
        400,
        'unknown field "spec.jobTemplate.spec.template.spec.backoffLimit"',
    ),
    ("Deployment", put(f"{POD}.containers.0.imagee", "x"), 400, "containers[0].imagee"),
    ("Deployment", put("spec.replicas", "two"), 400, "spec.replicas"),
    ("ConfigMap", put("data.a", 1), 400, "data.a"),
    ("ConfigMap", put("data.a b", "x"), 422, "valid config key"),
    ("ConfigMap", put("metadata.name", "Not_A_Name"), 422, "RFC 1123"),
    ("ConfigMap", put("metadata.labels", {"a": "no spaces"}), 422, "valid label"),
    ("ConfigMap", put("metadata.namespace", "another"), 400, "does not match the namespace"),
    ("Deployment", put("spec.selector", None), 422, "Required value"),
    ("Deployment", put("spec.template.metadata.labels", {"app": "two"}), 422, "does not match"),
    ("Deployment", put(f"{POD}.restartPolicy", "Never"), 422, '"Always"'),
    ("Deployment", put(f"{POD}.containers", []), 422, "containers: Required value"),
    ("Job", put(f"{POD}.restartPolicy", None), 422, 'valid values: "OnFailure", "Never"'),
    ("CronJob", put("spec.schedule", "at two"), 422, "expected exactly 5 fields"),
    ("CronJob", put("metadata.name", "n" * 53), 422, "no more than 52"),
    ("Service", put("spec.ports", []), 422, "spec.ports: Required value"),
    ("Service", put("spec.ports", [{"port": 1}, {"port": 2}]), 422, "name: Required value"),
    (
        "Pod",
        put("spec.containers.0.volumeMounts", [{"name": "v", "mountPath": "/v"}]),
        422,
        'Not found: "v"',
    ),
    (
        "Pod",
        put("spec.containers.0.resources", {"requests": {"cpu": "2"}, "limits": {"cpu": "500m"}}),
        422,
        "less than or equal to cpu limit",
    ),
    (
        "Pod",
        put("spec.containers", [{"name": "c", "image": "x"}, {"name": "c", "image": "x"}]),
        422,
        "Duplicate value",
    ),
    (
        "Pod",
        put("spec.containers.0.ports", [{"containerPort": 1, "name": "far-too-long-a-name"}]),
        422,
        "15 characters",
    ),
    (
        "Pod",
        put("spec.containers.0.livenessProbe", {"periodSeconds": 1}),
        422,
        "exactly one handler",
    ),
    ("Lease", put("spec.renewTime", "2026-01-01T00:00:00Z"), 422, "microseconds"),
    ("Lease", put("spec.leaseDurationSeconds", 0), 422, "greater than 0"),
]


@pytest.mark.parametrize("kind", COLLECTIONS)
def test_a_good_document_is_taken(cluster: client.Cluster, kind: str) -> None:
    assert cluster.create(COLLECTIONS[kind], good(kind))["metadata"]["generation"] == 1


@pytest.mark.parametrize(("kind", "spoil", "status", "said"), WRONG, ids=[w[3] for w in WRONG])
def test_a_wrong_document_is_refused(
    cluster: client.Cluster,
    standin: StandIn,
    kind: str,
    spoil: Callable[[Document], None],
    status: int,
    said: str,
) -> None:
    document = copy.deepcopy(good(kind))
    spoil(document)
    with pytest.raises(client.ClusterFailure) as caught:
        cluster.create(COLLECTIONS[kind], document)
    assert caught.value.status == status
    assert said in str(caught.value)
    assert standin.objects(kind) == []


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("Job", put(f"{POD}.containers.0.image", "y"), "spec.template: Invalid value: field is im"),
        ("Deployment", put("spec.selector.matchLabels", {"app": "two"}), "does not match"),
        ("RoleBinding", put("roleRef.name", "other"), "cannot change roleRef"),
    ],
)
def test_what_may_not_change_may_not(
    cluster: client.Cluster, kind: str, change: Callable[[Document], None], said: str
) -> None:
    document = copy.deepcopy(cluster.create(COLLECTIONS[kind], good(kind)))
    change(document)
    document["metadata"].pop("resourceVersion")
    with pytest.raises(client.ClusterFailure, match=said):
        cluster.replace(COLLECTIONS[kind], document)


def test_a_job_may_still_get_its_time_to_live(cluster: client.Cluster) -> None:
    cluster.create(COLLECTIONS["Job"], good("Job"))
    patched = cluster.patch(COLLECTIONS["Job"], "one", {"spec": {"ttlSecondsAfterFinished": 5}})
    assert patched["metadata"]["generation"] == 2


def test_a_namespace_must_be_there_and_must_not_be_ending(
    cluster: client.Cluster, standin: StandIn
) -> None:
    collection = COLLECTIONS["ConfigMap"]
    cluster.namespace = "nowhere"
    with pytest.raises(client.NotFound, match='namespaces "nowhere" not found'):
        cluster.create(collection, good("ConfigMap"))
    cluster.namespace = NAMESPACE
    cluster.create(collection, good("ConfigMap"))
    cluster._ask("DELETE", "/api/v1/namespaces", NAMESPACE, None, 5.0, 1)
    assert standin.get("Namespace", NAMESPACE)["status"] == {"phase": "Terminating"}
    with pytest.raises(client.ClusterFailure, match="because it is being terminated") as caught:
        cluster.create(collection, good("ConfigMap"))
    assert caught.value.status == 403
    # The watch ends with the namespace.
    assert events(
        standin, f"/api/v1/namespaces?watch=1&fieldSelector=metadata.name={NAMESPACE}", 2
    ) == [
        "ADDED",
        "DELETED",
    ]
    assert standin.objects() == []


def events(standin: StandIn, path: str, count: int) -> list[str]:
    """The kinds of so many changes, as they come."""
    connection = http.client.HTTPConnection(standin.url.removeprefix("http://"), timeout=30)
    connection.request("GET", path)
    with connection.getresponse() as answer:
        kinds = [json.loads(answer.readline())["type"] for _ in range(count)]
    connection.close()
    return kinds


def test_a_failing_job_is_tried_as_often_as_it_says(
    cluster: client.Cluster, standin: StandIn
) -> None:
    standin.play("one", Play(exit_code=3))
    document = good("Job")
    document["spec"]["backoffLimit"] = 2
    cluster.create(COLLECTIONS["Job"], document)
    status = standin.get("Job", "one", NAMESPACE)["status"]
    assert [(each["type"], each["reason"]) for each in status["conditions"]] == [
        ("Failed", "BackoffLimitExceeded")
    ]
    assert len(standin.objects("Pod")) == 3


def test_a_pod_waits_for_the_secret_that_it_names(
    cluster: client.Cluster, standin: StandIn
) -> None:
    document = good("Pod")
    document["spec"]["containers"][0]["envFrom"] = [{"secretRef": {"name": "late"}}]
    cluster.create(COLLECTIONS["Pod"], document)
    waiting = standin.get("Pod", "one", NAMESPACE)["status"]["containerStatuses"][0]["state"]
    assert waiting["waiting"]["message"] == 'secret "late" not found'
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "late"}}
    cluster.create(client.SECRETS, secret)
    assert standin.get("Pod", "one", NAMESPACE)["status"]["phase"] == "Running"


def test_a_deployment_whose_pods_never_get_ready_is_not_available(
    cluster: client.Cluster, standin: StandIn
) -> None:
    standin.play("one", Play(ready=False))
    cluster.create(COLLECTIONS["Deployment"], good("Deployment"))
    status = standin.get("Deployment", "one", NAMESPACE)["status"]
    assert (status["replicas"], status["readyReplicas"]) == (1, 0)
    assert status["conditions"] == [{"type": "Available", "status": "False"}]


@pytest.mark.parametrize("path", ["/apis/metrics.k8s.io/v1beta1", "/api/v1/nothings", "/x"])
def test_what_is_not_served_is_not_found(cluster: client.Cluster, path: str) -> None:
    with pytest.raises(client.NotFound):
        cluster.get(path)
