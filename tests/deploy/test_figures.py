"""What all of it asks for at once, on what it fits, and that the quota is made from that."""

import sys
from fractions import Fraction

import pytest

from tests.deploy import cluster
from tools import generate_manifests, manifests

every_folder = pytest.mark.parametrize("folder", cluster.FOLDERS)
GIB = 2**30
SYSTEM_CPU = Fraction(1, 2)
"""What pods of the cluster itself ask for on a small node: DNS, a network plugin, a proxy."""


@every_folder
def test_the_sums_of_the_requests(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Printed for whoever plans a cluster, and written on the page."""
    everything = cluster.everything(folder)
    cpu, memory = (
        manifests.total(everything, "requests", resource) for resource in ("cpu", "memory")
    )
    with capsys.disabled():
        sys.stdout.write(
            f"\n{folder}/ at once: {float(cpu):.2f} CPU and {float(memory) / GIB:.2f} GiB allocatable\n"
        )
    page = (manifests.ROOT / "docs/how-to/kubernetes.md").read_text(encoding="utf-8")
    assert f"| `{folder}/` | {float(cpu):.2f} | {float(memory) / GIB:.2f} |" in page


def test_the_small_folder_fits_two_cpus_and_six_gib_with_the_pods_of_the_system() -> None:
    everything = cluster.everything("k8s-small")
    nightly = cluster.of_kind("k8s-small", "CronJob")
    cpu = manifests.total(everything, "requests", "cpu") + manifests.total(
        nightly, "requests", "cpu"
    )
    assert cpu + SYSTEM_CPU <= 2  # a regression run by hand beside the nightly one included
    assert cpu <= Fraction(3, 2)
    assert manifests.total(everything, "requests", "memory") <= 6 * GIB


@every_folder
def test_the_quota_is_all_at_once_with_a_quarter_on_top_and_room_for_a_run_by_hand(
    folder: str,
) -> None:
    everything = cluster.everything(folder)
    nightly = cluster.of_kind(folder, "CronJob")
    (quota,) = cluster.of_kind(folder, "ResourceQuota")
    hard = {name: manifests.quantity(value) for name, value in quota["spec"]["hard"].items()}
    for kind in ("requests", "limits"):
        for resource, step in (("cpu", Fraction(1, 10)), ("memory", Fraction(2**20))):
            once = manifests.total(everything, kind, resource)
            wanted = max(once * 5 / 4, once + manifests.total(nightly, kind, resource))
            assert 0 <= hard[f"{kind}.{resource}"] - wanted < step
    assert len(cluster.workloads(folder)) + 1 <= hard["pods"] < 2 * len(cluster.workloads(folder))


@every_folder
def test_the_quota_counts_nothing_that_kubectl_makes_itself(folder: str) -> None:
    """A quota that was not counted yet refuses what it counts; controllers try again, kubectl does not."""
    (quota,) = cluster.of_kind(folder, "ResourceQuota")
    assert set(quota["spec"]["hard"]) == {
        "requests.cpu",
        "requests.memory",
        "limits.cpu",
        "limits.memory",
        "pods",
    }


@every_folder
def test_a_pod_started_by_hand_gets_figures_that_the_quota_asks_for(folder: str) -> None:
    (limits,) = cluster.of_kind(folder, "LimitRange")
    (one,) = limits["spec"]["limits"]
    assert one["type"] == "Container"
    assert one["default"].keys() == one["defaultRequest"].keys() == {"cpu", "memory"}


@every_folder
def test_every_container_says_its_own_figures(folder: str) -> None:
    for workload in cluster.workloads(folder):
        told = cluster.container(workload)["resources"]
        assert told["requests"].keys() == told["limits"].keys() == {"cpu", "memory"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500m", Fraction(1, 2)),
        ("2", 2),
        ("1Gi", GIB),
        ("1.5", Fraction(3, 2)),
        ("64Ki", 65536),
        ("1G", 10**9),
    ],
)
def test_a_quantity_is_read_as_kubernetes_reads_it(text: str, value: Fraction) -> None:
    assert manifests.quantity(text) == value


@pytest.mark.parametrize("text", ["", "1 Gi", "x", "-1", "1Zi", "1e3"])
def test_a_quantity_that_these_files_do_not_use_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        manifests.quantity(text)


def test_the_small_figures_name_every_workload_once() -> None:
    names = {one["metadata"]["name"].rstrip("-123") for one in cluster.workloads("k8s")}
    assert set(generate_manifests.SMALL_FIGURES) == names - {"generate-secrets"}


def test_the_secrets_job_is_the_same_in_both_folders_because_a_job_cannot_be_changed() -> None:
    big, small = (cluster.named(folder, "Job", "generate-secrets") for folder in cluster.FOLDERS)
    assert big == small
