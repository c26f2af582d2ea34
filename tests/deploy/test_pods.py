"""What a pod may be and must have: no privileges, probes, figures, deadlines, pinned images."""

import re
from typing import Any

import pytest

from tests.deploy import cluster
from tools import manifests

every_folder = pytest.mark.parametrize("folder", cluster.FOLDERS)

START_SECONDS = 600
"""Of a Job's deadline: images that are fetched, Secrets that are made, services that start."""
OWN_SECONDS = {
    "integration-test-job": 300,
    "supervision-test-job": 300,
    "performance-test-job": 600,
}
OWN_SECONDS |= {"nightly-regression-tests": 3600}

DOCUMENT = {
    "mock-governance-1": ("100m", "128Mi", "200m", "256Mi"),
    "mock-governance-2": ("100m", "128Mi", "200m", "256Mi"),
    "mock-governance-3": ("100m", "128Mi", "200m", "256Mi"),
    "mock-bitcoin-node": ("200m", "256Mi", "400m", "512Mi"),
    "mock-ethereum-node": ("200m", "256Mi", "400m", "512Mi"),
    "prometheus": ("200m", "512Mi", "500m", "1Gi"),
    "grafana": ("100m", "256Mi", "200m", "512Mi"),
    "alys-v2-test-runner": ("500m", "512Mi", "2", "2Gi"),
    "integration-test-job": ("500m", "1Gi", "2", "4Gi"),
    "supervision-test-job": ("300m", "512Mi", "1", "2Gi"),
    "performance-test-job": ("1", "2Gi", "4", "8Gi"),
    "nightly-regression-tests": ("2", "4Gi", "8", "16Gi"),
}
"""Requests (CPU, memory) and limits of the document and of the public project's files."""


@every_folder
def test_every_pod_is_restricted_and_cannot_write_its_root(folder: str) -> None:
    for workload in cluster.workloads(folder):
        spec = cluster.pod(workload)["spec"]
        context = spec["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] > 0
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert context["fsGroup"] == context["runAsGroup"] > 0
        own = cluster.container(workload)["securityContext"]
        assert own == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & spec.keys()
        # The names of Services would turn up as variables (PROMETHEUS_PORT=tcp://...) among those that programs read.
        assert spec["enableServiceLinks"] is False


@every_folder
def test_what_a_pod_writes_has_an_end(folder: str) -> None:
    for workload in cluster.workloads(folder):
        volumes = cluster.pod(workload)["spec"]["volumes"]
        for volume in volumes:
            kind = (volume.keys() - {"name"}).pop()
            assert kind in {"emptyDir", "configMap", "persistentVolumeClaim"}
            if kind == "emptyDir":
                assert manifests.quantity(volume["emptyDir"]["sizeLimit"]) > 0
        assert "/tmp" in [
            mount["mountPath"] for mount in cluster.container(workload)["volumeMounts"]
        ]


@every_folder
def test_every_workload_that_serves_has_the_three_probes(folder: str) -> None:
    for deployment in cluster.of_kind(folder, "Deployment"):
        container = cluster.container(deployment)
        names = {port["name"] for port in container["ports"]}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            told = container[probe]
            assert told["httpGet"]["port"] in names
            assert told["timeoutSeconds"] <= told["periodSeconds"] or probe == "startupProbe"
        start = container["startupProbe"]
        # Three minutes at least: a cold start with a fifth of a core.
        assert start["periodSeconds"] * start["failureThreshold"] >= 180
        ours = deployment["metadata"]["name"] not in cluster.TOOLS
        if ours:
            assert container["livenessProbe"]["httpGet"]["path"] == "/health"
            assert container["readinessProbe"]["httpGet"]["path"] == "/ready"


@every_folder
def test_one_pod_ends_before_the_next_starts(folder: str) -> None:
    """Each holds state, or a claim, and the quota counts without a second pod."""
    for deployment in cluster.of_kind(folder, "Deployment"):
        assert deployment["spec"]["replicas"] == 1
        assert deployment["spec"]["strategy"] == {"type": "Recreate"}
        assert cluster.pod(deployment)["spec"]["terminationGracePeriodSeconds"] == 30


@every_folder
def test_images_are_pinned_but_for_our_own_and_ours_is_one(folder: str) -> None:
    ours = set()
    for workload in cluster.workloads(folder):
        container = cluster.container(workload)
        assert container["imagePullPolicy"] == "IfNotPresent"  # a loaded image, as in kind, is used
        if workload["metadata"]["name"] in cluster.TOOLS:
            assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", container["image"])
            continue
        ours.add(container["image"])
        told = cluster.environment(folder, workload).get("ALYS_IMAGE")
        assert told in (None, container["image"])  # what a verdict says it was made with
    assert ours == {cluster.OWN_IMAGE}


def test_the_figures_are_those_of_the_document() -> None:
    for name, figures in DOCUMENT.items():
        (workload,) = [one for one in cluster.workloads("k8s") if one["metadata"]["name"] == name]
        told = cluster.container(workload)["resources"]
        assert (told["requests"]["cpu"], told["requests"]["memory"]) == figures[:2]
        assert (told["limits"]["cpu"], told["limits"]["memory"]) == figures[2:]


@every_folder
def test_a_limit_is_no_less_than_its_request(folder: str) -> None:
    for workload in cluster.workloads(folder):
        told = cluster.container(workload)["resources"]
        for resource in ("cpu", "memory"):
            assert manifests.quantity(told["requests"][resource]) <= manifests.quantity(
                told["limits"][resource]
            )


def job_spec(workload: cluster.Object) -> Any:
    return (
        workload["spec"] if workload["kind"] == "Job" else workload["spec"]["jobTemplate"]["spec"]
    )


@every_folder
def test_a_deadline_has_room_for_the_own_time_a_turn_of_every_other_job_and_the_start(
    folder: str,
) -> None:
    jobs = [
        one
        for one in cluster.of_kind(folder, "Job", "CronJob")
        if one["metadata"]["name"] in OWN_SECONDS
    ]
    assert len(jobs) == len(OWN_SECONDS)
    for job in jobs:
        told = cluster.environment(folder, job)["TEST_TIMEOUT"]
        assert told == f"{OWN_SECONDS[job['metadata']['name']]}s"
        assert job_spec(job)["activeDeadlineSeconds"] >= sum(OWN_SECONDS.values()) + START_SECONDS


@every_folder
def test_a_failed_run_is_not_tried_again_and_a_lost_pod_is(folder: str) -> None:
    for job in cluster.of_kind(folder, "Job", "CronJob"):
        spec = job_spec(job)
        assert spec["template"]["spec"]["restartPolicy"] == "Never"
        assert (
            "ttlSecondsAfterFinished" not in spec
        )  # it would delete what failed; the runner sets it where all went well
        if job["metadata"]["name"] == "generate-secrets":
            assert spec["backoffLimit"] == 6  # it never changes what is there
            assert spec["activeDeadlineSeconds"] == 86400
            continue
        assert spec["backoffLimit"] == 0
        condition = {"type": "DisruptionTarget", "status": "True"}
        assert spec["podFailurePolicy"] == {
            "rules": [{"action": "Ignore", "onPodConditions": [condition]}]
        }


@every_folder
def test_the_nightly_run_is_at_two_and_never_beside_itself(folder: str) -> None:
    (nightly,) = cluster.of_kind(folder, "CronJob")
    spec = {key: value for key, value in nightly["spec"].items() if key != "jobTemplate"}
    assert spec == {
        "schedule": "0 2 * * *",
        "timeZone": "Etc/UTC",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 3600,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 7,
    }


@every_folder
def test_a_job_knows_its_name_and_where_its_results_go(folder: str) -> None:
    for job in cluster.of_kind(folder, "Job", "CronJob"):
        if job["metadata"]["name"] == "generate-secrets":
            continue
        given = cluster.environment(folder, job)
        assert (
            given["JOB_NAME"] == "metadata.labels['job-name']"
        )  # of a pod: since 1.27 beside batch.kubernetes.io/job-name
        assert given["RESULTS_URL"] == "http://alys-v2-test-runner-service:8080"
        test, suite, *_ = cluster.container(job)["args"]
        assert (test, suite) == ("test", cluster.pod(job)["metadata"]["labels"]["test"])


def test_the_claim_takes_the_clusters_own_class_and_only_the_runner_mounts_it() -> None:
    claim = cluster.named("k8s", "PersistentVolumeClaim", "test-reports-pvc")["spec"]
    assert claim == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10Gi"}},
    }
    mounting = [
        one["metadata"]["name"]
        for one in cluster.workloads("k8s")
        if any("persistentVolumeClaim" in volume for volume in cluster.pod(one)["spec"]["volumes"])
    ]
    assert mounting == ["alys-v2-test-runner"]


def test_the_small_runner_keeps_reports_in_its_pod_because_a_claim_may_never_come_true() -> None:
    runner = cluster.named("k8s-small", "Deployment", "alys-v2-test-runner")
    (reports,) = [
        one for one in cluster.pod(runner)["spec"]["volumes"] if one["name"] == "test-reports"
    ]
    assert reports == {"name": "test-reports", "emptyDir": {"sizeLimit": "10Gi"}}


@every_folder
def test_nothing_secret_is_in_the_files(folder: str) -> None:
    assert cluster.of_kind(folder, "Secret") == []
    for workload in cluster.workloads(folder):
        for variable in cluster.container(workload).get("env", []):
            if re.search(
                r"TOKEN|PASSWORD|SECRET|PRIVATE_KEY|RPC_USER|ADMIN_USER", variable["name"]
            ):
                assert "value" not in variable


@every_folder
def test_grafana_fetches_nothing_and_tells_nobody(folder: str) -> None:
    given = cluster.environment(folder, cluster.named(folder, "Deployment", "grafana"))
    off = {
        "GF_ANALYTICS_REPORTING_ENABLED",
        "GF_ANALYTICS_CHECK_FOR_UPDATES",
        "GF_NEWS_NEWS_FEED_ENABLED",
    }
    off |= {"GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES", "GF_SNAPSHOTS_EXTERNAL_ENABLED"}
    assert {given[name] for name in off} == {"false"}
    assert given["GF_PLUGINS_PREINSTALL_DISABLED"] == "true"
    assert not {"GF_INSTALL_PLUGINS", "GF_PLUGINS_PREINSTALL"} & given.keys()
