"""A manifest becomes the same container for podman that a cluster would make of it, or is refused."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.image.pods import Manifests, Probe, Unsupported

SPECIMEN = Path(__file__).with_name("specimens") / "two-pods.yaml"
DOCUMENTS: list[Any] = list(yaml.safe_load_all(SPECIMEN.read_text(encoding="utf-8")))
SECRETS = {"tokens": {"one": "uno"}}
NODE = {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
IMAGE = "alys-v2-test-runner:latest"


def test_a_deployment_has_its_services_probes_and_files() -> None:
    (pod,) = Manifests(DOCUMENTS, SECRETS).pods(IMAGE)
    assert (pod.name, pod.aliases) == ("answering", ["answering-service"])
    assert pod.command == ["python3", "-m", "http.server", "--directory", "/words"]
    assert pod.args == ["8080"]
    assert pod.probes == {
        "startup": Probe(path="/hello.txt", port=8080),
        "readiness": Probe(path="/", port=8080),
    }
    assert pod.files == {"/words": {"greeting": "hello", "hello.txt": "good day\n"}}


def test_a_job_has_its_environment_and_its_volumes() -> None:
    pod = Manifests.read([SPECIMEN], SECRETS).pod("Job", "asking")
    told = {"PLAIN": "1", "GREETING": "hello", "TOKEN": "uno", "JOB_NAME": "asking"}
    assert pod.environment == told
    assert (pod.memory, pod.claims) == ({"/tmp": 16 << 20}, {"/test-reports": "reports"})
    assert pod.aliases == []


def test_rights_and_limits_are_those_of_the_manifest_and_no_others() -> None:
    asked = Manifests(DOCUMENTS, SECRETS).pod("Job", "asking").flags
    assert asked == [
        "--user=10001:10001",
        "--group-add=10001",
        "--read-only",
        "--read-only-tmpfs=false",
        "--security-opt=no-new-privileges",
        "--cap-drop=all",
        f"--memory={1 << 30}",
        f"--memory-swap={1 << 30}",
        "--cpus=2.0",
    ]
    loose = copy.deepcopy(DOCUMENTS)
    spec = loose[3]["spec"]["template"]["spec"]
    del spec["securityContext"], spec["containers"][0]["securityContext"]
    del spec["containers"][0]["resources"]
    assert Manifests(loose, SECRETS).pod("Job", "asking").flags == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda spec: spec.update(hostNetwork=True), "pod says hostNetwork"),
        (lambda spec: spec["containers"][0].update(envFrom=[]), "container says envFrom"),
        (lambda spec: spec["containers"][0]["env"].append(NODE), "valueFrom fieldRef spec.node"),
        (lambda spec: spec["volumes"][0].update(hostPath={}), "volume tmp says hostPath"),
        (
            lambda spec: spec["containers"][0].update(livenessProbe={"exec": {}}),
            "a liveness probe that is no httpGet",
        ),
    ],
)
def test_what_is_not_understood_is_refused_by_name(change: Any, said: str) -> None:
    documents = copy.deepcopy(DOCUMENTS)
    change(documents[3]["spec"]["template"]["spec"])
    with pytest.raises(Unsupported, match=said):
        Manifests(documents, SECRETS).pod("Job", "asking")


def test_a_service_that_changes_the_port_is_refused() -> None:
    documents = copy.deepcopy(DOCUMENTS)
    documents[2]["spec"]["ports"][0]["port"] = 80
    with pytest.raises(Unsupported, match="Service answering-service: port 80 leads to http"):
        Manifests(documents, SECRETS).pod("Deployment", "answering")


@pytest.mark.parametrize(
    ("pod", "account", "mounted"),
    [(None, None, True), (None, False, False), (True, False, True), (False, True, False)],
)
def test_a_token_lies_in_the_pod_as_the_pod_says_or_else_its_account(
    pod: bool | None, account: bool | None, mounted: bool
) -> None:
    documents = copy.deepcopy(DOCUMENTS)
    spec = documents[3]["spec"]["template"]["spec"]
    spec["serviceAccountName"] = "asker"
    documents.append({"kind": "ServiceAccount", "metadata": {"name": "asker"}})
    if pod is not None:
        spec["automountServiceAccountToken"] = pod
    if account is not None:
        documents[-1]["automountServiceAccountToken"] = account
    assert Manifests(documents, SECRETS).pod("Job", "asking").account == "asker" * mounted


def test_only_a_jobs_pod_is_labelled_with_its_job() -> None:
    documents = copy.deepcopy(DOCUMENTS)
    job_name = {
        "name": "N",
        "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['job-name']"}},
    }
    documents[1]["spec"]["template"]["spec"]["containers"][0]["env"] = [job_name]
    with pytest.raises(KeyError, match="job-name"):
        Manifests(documents, SECRETS).pod("Deployment", "answering")


def test_the_grace_period_is_the_manifests() -> None:
    documents = copy.deepcopy(DOCUMENTS)
    assert Manifests(documents, SECRETS).pod("Job", "asking").grace_seconds == 30
    documents[3]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 7
    assert Manifests(documents, SECRETS).pod("Job", "asking").grace_seconds == 7
