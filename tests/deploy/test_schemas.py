"""Every object is valid, with no unknown field, from the oldest Kubernetes that we support to the newest that is known."""

import kubernetes_validate
import pytest

from tests.deploy import cluster
from tools import manifests

OLDEST_MINOR = 25
NEWEST_MINOR = int(kubernetes_validate.latest_version().split(".")[1])
VERSIONS = [f"1.{minor}" for minor in range(OLDEST_MINOR, NEWEST_MINOR + 1)]


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", cluster.FOLDERS)
def test_every_object_is_valid_and_has_no_unknown_field(folder: str, version: str) -> None:
    for found in cluster.everything(folder):
        kubernetes_validate.validate(found, version, strict=True)


def test_a_field_in_the_wrong_place_would_be_found() -> None:
    job = cluster.named("k8s", "Job", "integration-test-job")
    job["spec"]["template"]["spec"]["backoffLimit"] = 0
    with pytest.raises(kubernetes_validate.ValidationError, match="backoffLimit"):
        kubernetes_validate.validate(job, VERSIONS[0], strict=True)


def test_newer_kubernetes_than_a_year_ago_is_among_them() -> None:
    assert len(VERSIONS) >= 10


@pytest.mark.parametrize("folder", cluster.FOLDERS)
def test_kubectl_reads_the_files_of_the_document_and_nothing_else(folder: str) -> None:
    read = {
        path.name
        for path in cluster.FOLDERS[folder].iterdir()
        if path.suffix in {".yaml", ".yml", ".json"} or path.name == "Kustomization"
    }
    assert read == set(manifests.NAMES)


@pytest.mark.parametrize("folder", cluster.FOLDERS)
def test_everything_lives_in_the_one_namespace(folder: str) -> None:
    homes = {
        found["metadata"].get("namespace")
        for found in cluster.everything(folder)
        if found["kind"] != "Namespace"
    }
    assert homes == {"alys-v2-testing"}


@pytest.mark.parametrize("folder", cluster.FOLDERS)
def test_no_object_is_in_two_files_but_the_namespace(folder: str) -> None:
    """So that `kubectl delete -f` of one file takes away what is of that file, and nothing of another."""
    places: dict[tuple[str, str], list[str]] = {}
    for name in manifests.NAMES:
        for found in cluster.objects_of(cluster.FOLDERS[folder] / name):
            places.setdefault(cluster.identity(found), []).append(name)
    twice = {one: names for one, names in places.items() if len(names) > 1}
    assert twice == {("Namespace", "alys-v2-testing"): ["00-namespace.yaml", "namespace.yaml"]}
    first, second = (
        next(
            found
            for found in cluster.objects_of(cluster.FOLDERS[folder] / name)
            if found["kind"] == "Namespace"
        )
        for name in twice[("Namespace", "alys-v2-testing")]
    )
    assert first == second  # else the two files would change it back and forth


@pytest.mark.parametrize("folder", cluster.FOLDERS)
def test_the_file_that_kubectl_reads_first_makes_the_namespace(folder: str) -> None:
    first = min(path for path in cluster.FOLDERS[folder].glob("*.yaml"))
    assert [found["kind"] for found in cluster.objects_of(first)] == ["Namespace"]


def test_the_files_have_what_the_document_says() -> None:
    told = {
        "namespace.yaml": {
            "Namespace",
            "ConfigMap",
            "ServiceAccount",
            "Role",
            "RoleBinding",
            "NetworkPolicy",
            "ResourceQuota",
            "LimitRange",
            "Job",
        },
        "mock-services.yaml": {"ServiceAccount", "Deployment", "Service"},
        "monitoring.yaml": {
            "ServiceAccount",
            "Role",
            "RoleBinding",
            "ConfigMap",
            "Deployment",
            "Service",
        },
        "test-deployment.yaml": {"PersistentVolumeClaim", "Deployment", "Service"},
        "test-jobs.yaml": {"Job", "CronJob"},
    }
    for name, kinds in told.items():
        assert {found["kind"] for found in cluster.objects_of(manifests.FOLDER / name)} == kinds


def test_the_small_folder_has_the_same_objects_but_the_claim() -> None:
    big, small = (
        {cluster.identity(found) for found in cluster.everything(folder)}
        for folder in cluster.FOLDERS
    )
    assert big - small == {("PersistentVolumeClaim", "test-reports-pvc")}
    assert small <= big


@pytest.mark.parametrize("folder", cluster.FOLDERS)
def test_no_configmap_is_too_large_for_the_annotation_that_apply_keeps(folder: str) -> None:
    for found in cluster.of_kind(folder, "ConfigMap"):
        assert len(str(found)) < 200_000  # of 262,144 bytes for all annotations together
