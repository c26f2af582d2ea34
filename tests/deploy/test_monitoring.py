"""What the monitoring pods are given: the files of ``alys.monitoring``, sound by their own tools, and exactly the right targets."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from alys.monitoring import configuration
from tests.deploy import cluster
from tools import generate_manifests, manifests, shape

every_folder = pytest.mark.parametrize("folder", cluster.FOLDERS)
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool (Debian package prometheus) is missing"
)
needs_amtool = pytest.mark.skipif(
    shutil.which("amtool") is None,
    reason="amtool (Debian package prometheus-alertmanager) is missing",
)


def files_of(folder: str, name: str) -> dict[str, str]:
    data: dict[str, str] = cluster.named(folder, "ConfigMap", name)["data"]
    return data


def laid_out(folder: str, name: str, place: Path) -> Path:
    """The ConfigMap as its volume has it."""
    for file, text in files_of(folder, name).items():
        (place / file).write_text(text, encoding="utf-8")
    return place


@every_folder
def test_the_configmaps_are_what_the_program_makes(folder: str) -> None:
    told = shape.read(manifests.FOLDER / "test-config.toml")
    for name, files in generate_manifests.config_maps(told, None).items():
        assert files_of(folder, name) == files


@needs_promtool
@every_folder
def test_prometheus_takes_the_configuration(folder: str, tmp_path: Path) -> None:
    """Debian 12's build knows no kubernetes_sd_configs, so that part, and it alone, is replaced by a list; see the next tests for it."""
    place = laid_out(folder, "prometheus-config", tmp_path)
    told: Any = yaml.safe_load((place / "prometheus.yml").read_text(encoding="utf-8"))
    replaced = [job for job in told["scrape_configs"] if job.pop("kubernetes_sd_configs", None)]
    assert [job["job_name"] for job in replaced] == [
        configuration.RUNNER_JOB,
        configuration.SERVICES_JOB,
    ]
    for job in replaced:
        job["static_configs"] = [{"targets": ["127.0.0.1:1"]}]
    (place / "prometheus.yml").write_text(yaml.safe_dump(told), encoding="utf-8")
    done = subprocess.run(
        ["promtool", "check", "config", str(place / "prometheus.yml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rules found" in done.stdout


@needs_amtool
@every_folder
def test_alertmanager_takes_its_configuration(folder: str, tmp_path: Path) -> None:
    place = laid_out(folder, "alertmanager-config", tmp_path)
    done = subprocess.run(
        ["amtool", "check-config", str(place / "alertmanager.yml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def scrape_jobs(folder: str) -> dict[str, Any]:
    told: Any = yaml.safe_load(files_of(folder, "prometheus-config")["prometheus.yml"])
    return {job["job_name"]: job for job in told["scrape_configs"]}


def discovered(folder: str) -> list[dict[str, str]]:
    """What role ``endpointslice`` finds: every port of every Service, and every further port of a pod behind one.

    By Prometheus's reference on kubernetes_sd_config; labels that these relabellings do not read are left out.
    """
    found = []
    for service in cluster.of_kind(folder, "Service"):
        (workload,) = cluster.pods_of_service(folder, service)
        pod = workload["metadata"]["name"] + "-abcde"
        meta = {
            "__meta_kubernetes_service_name": service["metadata"]["name"],
            "__meta_kubernetes_pod_name": pod,
            "__metrics_path__": "/metrics",
        }
        for key, value in service["metadata"].get("annotations", {}).items():
            meta["__meta_kubernetes_service_annotation_" + re.sub(r"\W", "_", key)] = value
        offered = {port["port"] for port in service["spec"]["ports"]}
        for number in sorted(offered):
            found.append(
                meta
                | {
                    "__address__": f"{pod}:{number}",
                    "__meta_kubernetes_endpointslice_port": str(number),
                }
            )
        opened = {port["containerPort"] for port in cluster.container(workload)["ports"]}
        for number in sorted(opened - offered | {1}):  # and one that nothing of ours has
            found.append(meta | {"__address__": f"{pod}:{number}"})
    return found


def relabelled(target: dict[str, str], rules: list[dict[str, Any]]) -> dict[str, str] | None:
    """Prometheus's relabelling, as far as these rules go; None for a target that is dropped."""
    labels = dict(target)
    for rule in rules:
        value = ";".join(labels.get(name, "") for name in rule["source_labels"])
        match = re.fullmatch(rule.get("regex", "(.*)"), value)
        match rule.get("action", "replace"):
            case "keep":
                if match is None:
                    return None
            case "keepequal":
                if value != labels.get(rule["target_label"], ""):
                    return None
            case "replace":
                if match is not None:
                    labels[rule["target_label"]] = match.group(1)
            case other:
                raise AssertionError(other)
    return labels


def targets(folder: str, job: str, found: list[dict[str, str]]) -> set[str]:
    kept = [relabelled(one, scrape_jobs(folder)[job]["relabel_configs"]) for one in found]
    return {
        f"{one['service']} {one['instance']}: {one['__address__']}{one['__metrics_path__']}"
        for one in kept
        if one
    }


@every_folder
def test_every_metrics_port_is_a_target_and_no_other_port_is(folder: str) -> None:
    found = discovered(folder)
    mocks = (
        "mock-governance-1",
        "mock-governance-2",
        "mock-governance-3",
        "mock-bitcoin-node",
        "mock-ethereum-node",
    )
    assert targets(folder, configuration.SERVICES_JOB, found) == {
        f"{mock} {mock}-abcde: {mock}-abcde:9100/metrics" for mock in mocks
    }
    runner = "alys-v2-test-runner-abcde"
    assert targets(folder, configuration.RUNNER_JOB, found) == {
        f"alys-v2-test-runner-service {runner}: {runner}:9090/metrics"
    }


@pytest.mark.parametrize("annotation", ["scrape", "port"])
def test_the_annotations_of_the_service_decide(annotation: str) -> None:
    """The document says to look at them when nothing is scraped."""
    name = f"__meta_kubernetes_service_annotation_prometheus_io_{annotation}"
    changed = [one | ({name: "false"} if name in one else {}) for one in discovered("k8s")]
    assert targets("k8s", configuration.RUNNER_JOB, changed) == set()
    assert targets("k8s", configuration.SERVICES_JOB, changed) == set()


@every_folder
def test_prometheus_looks_into_its_own_namespace_with_the_rights_that_this_takes(
    folder: str,
) -> None:
    jobs = scrape_jobs(folder)
    for name in (configuration.RUNNER_JOB, configuration.SERVICES_JOB):
        assert jobs[name]["kubernetes_sd_configs"] == [
            {"role": "endpointslice", "namespaces": {"own_namespace": True}}
        ]
    role = cluster.named(folder, "Role", "prometheus")
    allowed = {
        (group, one, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for one in rule["resources"]
        for verb in rule["verbs"]
    }
    assert allowed == {
        (group, one, verb)
        for group, one in (("", "services"), ("", "pods"), ("discovery.k8s.io", "endpointslices"))
        for verb in ("get", "list", "watch")
    }
    assert not any(found["kind"].startswith("Cluster") for found in cluster.everything(folder))


@every_folder
def test_prometheus_reaches_alertmanager_and_grafana_reaches_prometheus_by_their_services(
    folder: str,
) -> None:
    told: Any = yaml.safe_load(files_of(folder, "prometheus-config")["prometheus.yml"])
    (alertmanagers,) = told["alerting"]["alertmanagers"]
    source: Any = yaml.safe_load(files_of(folder, "grafana-datasources")["datasource.yml"])
    named = [
        *alertmanagers["static_configs"][0]["targets"],
        source["datasources"][0]["url"].removeprefix("http://"),
    ]
    services = {
        f"{found['metadata']['name']}:{port['port']}"
        for found in cluster.of_kind(folder, "Service")
        for port in found["spec"]["ports"]
    }
    assert set(named) <= services


@every_folder
def test_grafana_finds_its_files_where_its_provider_says(folder: str) -> None:
    grafana = cluster.container(cluster.named(folder, "Deployment", "grafana"))
    places = {mount["name"]: mount["mountPath"] for mount in grafana["volumeMounts"]}
    provider: Any = yaml.safe_load(files_of(folder, "grafana-provider")["dashboards.yml"])
    assert provider["providers"][0]["options"]["path"] == places["dashboards"]
    home = cluster.environment(folder, cluster.named(folder, "Deployment", "grafana"))[
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"
    ]
    assert home.removeprefix(places["dashboards"] + "/") in files_of(folder, "grafana-dashboards")


def test_samples_are_thrown_away_before_the_volume_is_full() -> None:
    prometheus = cluster.named("k8s", "Deployment", "prometheus")
    given = cluster.container(prometheus)["args"]
    assert f"--storage.tsdb.retention.time={configuration.RETENTION}" in given
    assert "--storage.tsdb.retention.size=1GB" in given
    (data,) = [one for one in cluster.pod(prometheus)["spec"]["volumes"] if one["name"] == "data"]
    assert data["emptyDir"]["sizeLimit"] == "2Gi"
