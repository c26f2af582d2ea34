"""Each key of test-config.toml that is about the deployment: another value is another deployment, or a refusal that says what to do."""

import re
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from alys.base import errors
from tests.deploy import cluster
from tests.deploy.test_schemas import VERSIONS
from tools import generate_manifests, manifests, publish_config, set_image, shape

every_folder = pytest.mark.parametrize("folder", cluster.FOLDERS)
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def shown_from_the_copy(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lookups of ``cluster`` see what was generated."""
    for folder in cluster.FOLDERS:
        monkeypatch.setitem(cluster.FOLDERS, folder, copy / folder)


def edited(copy: Path, *changes: tuple[str, str]) -> None:
    """Change lines of the file as its owner would, and make the manifests."""
    file = copy / "k8s" / "test-config.toml"
    text = file.read_text(encoding="utf-8")
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    file.write_text(text, encoding="utf-8")
    generate_manifests.write()


def texts(copy: Path) -> dict[str, str]:
    return {
        str(path.relative_to(copy)): path.read_text(encoding="utf-8")
        for path in sorted(copy.rglob("*"))
        if path.is_file()
    }


def carried(folder: str, name: str, file: str) -> Any:
    return yaml.safe_load(cluster.named(folder, "ConfigMap", name)["data"][file])


def hash_of(folder: str, name: str) -> str:
    pod = cluster.pod(cluster.named(folder, "Deployment", name))
    return str(pod["metadata"]["annotations"][generate_manifests.CONFIGURATION])


ALL_SHAPES = (
    ('namespace = "alys-v2-testing"', 'namespace = "alys-nightly"'),
    ("service_discovery = true", "service_discovery = false"),
    ('scrape_interval = "15s"', 'scrape_interval = "5s"'),
    ('endpoint = "http://prometheus:9090"', 'endpoint = "http://metrics.example:80"'),
    ("prometheus_enabled = true", "prometheus_enabled = false"),
    ("grafana_enabled = true", "grafana_enabled = false"),
    ('metrics_retention = "1d"', 'metrics_retention = "6h"'),
    ("high_latency_threshold_ms = 100", "high_latency_threshold_ms = 250"),
)


def test_the_former_file_makes_the_former_manifests_again(copy: Path) -> None:
    before = texts(copy)
    edited(copy, *ALL_SHAPES)
    assert texts(copy).keys() == before.keys()
    edited(copy, *((after, was) for was, after in ALL_SHAPES))
    assert texts(copy) == before


@pytest.mark.parametrize("version", VERSIONS[:: len(VERSIONS) - 1])
@every_folder
def test_kubernetes_takes_every_shape(copy: Path, folder: str, version: str) -> None:
    edited(copy, *ALL_SHAPES)
    for found in cluster.everything(folder):
        kubernetes_validate.validate(found, version, strict=True)


@every_folder
def test_the_scrape_interval(copy: Path, folder: str) -> None:
    before = hash_of(folder, "prometheus")
    edited(copy, ('scrape_interval = "15s"', 'scrape_interval = "5s"'))
    told = carried(folder, "prometheus-config", "prometheus.yml")
    assert told["global"] == {"scrape_interval": "5s", "evaluation_interval": "5s"}
    assert told["scrape_configs"][2]["scrape_interval"] == "30s"
    assert hash_of(folder, "prometheus") != before  # so its pod starts again, and reads it
    edited(copy, ('scrape_interval = "5s"', 'scrape_interval = "1m30s"'))
    told = carried(folder, "prometheus-config", "prometheus.yml")
    assert told["global"]["scrape_interval"] == told["scrape_configs"][2]["scrape_interval"]


@every_folder
def test_the_retention(copy: Path, folder: str) -> None:
    edited(copy, ('metrics_retention = "1d"', 'metrics_retention = "6h"'))
    given = cluster.container(cluster.named(folder, "Deployment", "prometheus"))["args"]
    assert [one for one in given if one.startswith("--storage.tsdb.retention")] == [
        "--storage.tsdb.retention.time=6h",
        "--storage.tsdb.retention.size=1GB",
    ]


@pytest.mark.parametrize(
    ("text", "read"), [("1h30m", "1h30m"), ("30m1h", "5400000ms"), ("1m1m", "120000ms")]
)
def test_a_duration_is_written_so_that_prometheus_takes_it(text: str, read: str) -> None:
    assert shape.duration(text) == read


@every_folder
def test_the_thresholds_of_the_alerts(copy: Path, folder: str) -> None:
    edited(
        copy,
        ("failure_rate_threshold = 0.1", "failure_rate_threshold = 0.2"),
        ("latency_threshold_ms = 100", "latency_threshold_ms = 250"),
        ("memory_usage_threshold_percent = 85", "memory_usage_threshold_percent = 70"),
        ("cpu_usage_threshold_percent = 90", "cpu_usage_threshold_percent = 75"),
    )
    rules = carried(folder, "prometheus-config", "alys-rules.yml")["groups"][0]["rules"]
    limits = {rule["alert"]: rule["expr"].rpartition(" > ")[2] for rule in rules}
    assert limits["AlysFailureRateHigh"] == "0.2"
    assert limits["AlysLatencyHigh"] == "0.25"
    assert limits["AlysMemoryHigh"] == "0.7"
    assert limits["AlysCpuHigh"] == "0.75"


def test_grafana_asks_the_endpoint(copy: Path) -> None:
    edited(copy, ("http://prometheus:9090", "http://metrics.example"))
    (source,) = carried("k8s", "grafana-datasources", "datasource.yml")["datasources"]
    assert source["url"] == "http://metrics.example"


def quota(folder: str) -> dict[str, Fraction]:
    (found,) = cluster.of_kind(folder, "ResourceQuota")
    return {name: manifests.quantity(value) for name, value in found["spec"]["hard"].items()}


def replicas(folder: str) -> dict[str, int]:
    return {
        found["metadata"]["name"]: found["spec"]["replicas"]
        for found in cluster.of_kind(folder, "Deployment")
    }


@every_folder
def test_what_is_switched_off_has_no_pods_and_no_share_of_the_quota(
    copy: Path, folder: str
) -> None:
    before, room = replicas(folder), quota(folder)
    edited(copy, ("grafana_enabled = true", "grafana_enabled = false"))
    assert replicas(folder) == before | {"grafana": 0}
    assert all(amount < room[name] for name, amount in quota(folder).items())
    room = quota(folder)
    edited(copy, ("prometheus_enabled = true", "prometheus_enabled = false"))
    assert replicas(folder) == before | {"grafana": 0, "prometheus": 0, "alertmanager": 0}
    assert all(amount < room[name] for name, amount in quota(folder).items())


@every_folder
def test_without_discovery_the_same_ports_are_asked_by_name_and_prometheus_has_no_rights(
    copy: Path, folder: str
) -> None:
    edited(copy, ("service_discovery = true", "service_discovery = false"))
    told = carried(folder, "prometheus-config", "prometheus.yml")["scrape_configs"]
    assert not any("kubernetes_sd_configs" in job for job in told)
    runner, mocks = (job["static_configs"][0]["targets"] for job in told[1:])
    assert runner == ["alys-v2-test-runner-service:9090"]
    assert len(mocks) == 5
    ports = {
        f"{found['metadata']['name']}:{port['port']}"
        for found in cluster.of_kind(folder, "Service")
        for port in found["spec"]["ports"]
    }
    assert {*runner, *mocks} <= ports
    assert cluster.named(folder, "RoleBinding", "prometheus")["subjects"] == []
    pod = cluster.pod(cluster.named(folder, "Deployment", "prometheus"))
    assert pod["spec"]["automountServiceAccountToken"] is False
    policy = cluster.named(folder, "NetworkPolicy", "allow-kubernetes-api")
    assert not cluster.selected(pod["metadata"]["labels"], policy["spec"]["podSelector"])


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool (Debian package prometheus) is missing"
)
def test_prometheus_takes_the_list_of_targets_and_an_interval_below_its_timeout(
    copy: Path, tmp_path: Path
) -> None:
    edited(copy, *ALL_SHAPES)
    place = tmp_path / "mounted"
    place.mkdir()
    for file, text in cluster.named("k8s", "ConfigMap", "prometheus-config")["data"].items():
        (place / file).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["promtool", "check", "config", str(place / "prometheus.yml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@every_folder
def test_another_namespace(
    copy: Path, folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edited(copy, ('namespace = "alys-v2-testing"', 'namespace = "alys-nightly"'))
    for found in cluster.everything(folder):
        if found["kind"] == "Namespace":
            assert (
                found["metadata"]["name"] == found["metadata"]["labels"]["name"] == "alys-nightly"
            )
        else:
            assert found["metadata"]["namespace"] == "alys-nightly"
        for subject in found.get("subjects", ()):
            assert subject["namespace"] == "alys-nightly"
    asked: list[list[str]] = []

    def run(words: list[str], *, check: bool) -> "subprocess.CompletedProcess[str]":
        asked.append(words)
        return subprocess.CompletedProcess(words, int(check))

    monkeypatch.setattr(subprocess, "run", run)
    assert publish_config.main([folder]) == 0
    assert asked[-1][-3:-1] == ["-n", "alys-nightly"]
    assert set_image.main([cluster.OWN_IMAGE]) == 0
    assert "kubectl delete jobs --all -n alys-nightly\n" in capsys.readouterr().out


REFUSED = [
    ("resource_limits = true", "resource_limits = false", "write 0 for request and limit in k8s/"),
    ('scrape_interval = "15s"', 'scrape_interval = "10m"', "at most 120s"),
    ('namespace = "alys-v2-testing"', 'namespace = "kube-system"', "choose another"),
    ('endpoint = "http://prometheus:9090"', 'endpoint = ""', "grafana_enabled = false"),
    ("timeout_seconds = 300", "timeout_secs = 300", "timeout_seconds"),
]


@pytest.mark.parametrize(("before", "after", "fix"), REFUSED)
def test_what_cannot_be_deployed_is_refused_in_one_line_and_nothing_is_written(
    copy: Path,
    before: str,
    after: str,
    fix: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(errors.UsageError, match=r"test-config\.toml"):
        edited(copy, (before, after))
    held = texts(copy)
    monkeypatch.setattr(sys, "argv", ["generate_manifests.py"])
    assert generate_manifests.main() == 2
    assert publish_config.main([]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert fix in first
    assert fix in second
    assert texts(copy) == held


def test_figures_of_zero_are_how_to_go_without_limits(copy: Path) -> None:
    """What the refusal says: the generator, its sums and the schema take them."""
    before = quota("k8s")
    file = copy / "k8s" / "test-jobs.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r"\b(cpu|memory): \S+", r"\1: 0", text), encoding="utf-8")
    generate_manifests.write()
    assert "cpu: 0\n" in file.read_text(encoding="utf-8")
    assert all(amount < before[name] for name, amount in quota("k8s").items() if name != "pods")
    for found in cluster.everything("k8s"):
        kubernetes_validate.validate(found, VERSIONS[0], strict=True)


@every_folder
def test_what_pods_have_in_their_environment_is_what_the_file_says(folder: str, copy: Path) -> None:
    """Variables go before the file, so a ConfigMap of its own would make the file say nothing."""
    edited(
        copy,
        ("timeout_seconds = 300", "timeout_seconds = 600"),
        ('log_level = "debug"', 'log_level = "info,alys.node=trace"'),
        ("max_actors = 50", "max_actors = 60"),
        ('"http://mock-ethereum-node:8551"', '"http://geth:8551"'),
    )
    told = cluster.named(folder, "ConfigMap", "test-config")["data"]
    assert (told["test_timeout"], told["max_test_actors"]) == ("600s", "60")
    assert told["engine_api_url"] == "http://geth:8551"
    pod = cluster.pod(cluster.named(folder, "Deployment", "alys-v2-test-runner"))
    levels = {one["name"]: one.get("value") for one in pod["spec"]["containers"][0]["env"]}
    assert levels["RUST_LOG"] == told["log_level"] == "info,alys.node=trace"


def test_another_port_for_metrics_is_refused(copy: Path) -> None:
    with pytest.raises(errors.UsageError, match=r"metrics_port = 9191: .* made for 9090"):
        edited(copy, ("metrics_port = 9090", "metrics_port = 9191"))
