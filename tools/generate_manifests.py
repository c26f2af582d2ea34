"""Fill in what is made by program in ``k8s/``, and derive ``k8s-small/``: ``python tools/generate_manifests.py [--check]``.

The files of ``k8s/`` are written by hand, comments included, except for: the ConfigMap of ``test-config.toml``, the ConfigMaps of
the monitoring stack, the hashes of both on the pods that read them, the figures of the quota, and what keys of
``test-config.toml`` decide (``tools/shape.py``). ``k8s-small/`` is the same for a cluster of two CPUs. ``--check`` writes nothing
and exits 1 when a committed file is not what this makes. A ``test-config.toml`` that cannot be deployed is exit code 2.
"""

import argparse
import hashlib
import math
import sys
from fractions import Fraction
from pathlib import Path

from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from alys.base import errors  # noqa: E402
from alys.config.settings import Settings  # noqa: E402
from alys.monitoring import alerts, configuration, dashboards  # noqa: E402
from tools import generate_monitoring, manifests, shape  # noqa: E402
from tools.manifests import FOLDER, SMALL, Tree  # noqa: E402

CONFIGURATION = "alys-v2-testing/configuration-sha256"
TEST_CONFIG = "alys-v2-testing/test-config-sha256"
SMALL_FIGURES = {
    "mock-governance": ("50m", "128Mi", "500m", "256Mi"),
    "mock-bitcoin-node": ("50m", "128Mi", "500m", "512Mi"),
    "mock-ethereum-node": ("50m", "192Mi", "1", "512Mi"),
    "prometheus": ("50m", "192Mi", "500m", "512Mi"),
    "alertmanager": ("10m", "32Mi", "100m", "128Mi"),
    "grafana": ("50m", "192Mi", "500m", "512Mi"),
    "alys-v2-test-runner": ("150m", "384Mi", "1", "1Gi"),
    "integration-test-job": ("100m", "384Mi", "2", "1Gi"),
    "supervision-test-job": ("100m", "384Mi", "2", "1Gi"),
    "performance-test-job": ("150m", "512Mi", "2", "1Gi"),
    "nightly-regression-tests": ("150m", "512Mi", "2", "1536Mi"),
}
"""Requests (CPU, memory) and limits per workload in ``k8s-small/``. A request is what the scheduler counts, so these are
small; a limit only bounds, so those leave room to start quickly."""
SMALL_HEADER = "# Made by tools/generate_manifests.py from k8s/{name}; change it there. The figures are for a cluster of two CPUs.\n"
SMALL_RUNNER = """\
# The results that Jobs bring to the runner lie in a volume of its pod, not on a claim as in k8s/: a cluster of this size often
# has no dynamic volumes, and the runner would wait for ever. They outlive the Jobs and every restart of the
# container, not the pod.
"""
SMALL_REPORTS = {"name": "test-reports", "emptyDir": {"sizeLimit": "10Gi"}}
QUOTA_MARGIN = Fraction(5, 4)


def files() -> dict[Path, str]:
    """What every file must contain, by its path.

    Raises FileNotFoundError for a file of ``k8s/`` that is gone, UsageError for a ``test-config.toml`` that cannot be deployed.
    """
    big = {
        name: manifests.parse((FOLDER / name).read_text(encoding="utf-8"))
        for name in manifests.NAMES
    }
    fill(big)
    made = {FOLDER / name: manifests.render(objects) for name, objects in big.items()}
    small = {name: manifests.parse(made[FOLDER / name]) for name in manifests.NAMES}
    shrink(small)
    for name, objects in small.items():
        header = SMALL_HEADER.format(name=name)
        if name == "test-deployment.yaml":
            header += SMALL_RUNNER
        made[SMALL / name] = header + manifests.render(objects)
    return made


def fill(by_name: dict[str, list[Tree]]) -> None:
    """Put the generated parts where they belong."""
    everything = [found for objects in by_name.values() for found in objects]
    told = shape.read(FOLDER / "test-config.toml")
    shape.apply(everything, told)
    contents = config_maps(told, shape.targets(everything, told))
    maps = {
        found["metadata"]["name"]: found["data"]
        for found in everything
        if found["kind"] == "ConfigMap"
    }
    maps["test-config"].clear()
    maps["test-config"].update(
        {
            key: LiteralScalarString(text) if "\n" in text else DoubleQuotedScalarString(text)
            for key, text in shape.variables(told).items()
        }
    )
    for name, texts in contents.items():
        maps[name].clear()
        maps[name].update({key: LiteralScalarString(text) for key, text in texts.items()})
    for found in everything:
        pod = manifests.pod_of(found)
        marks = (pod or {}).get("metadata", {}).get("annotations", {})
        if CONFIGURATION in marks:
            read = {name: dict(maps[name]) for name in sorted(manifests.config_maps_of(pod))}
            marks[CONFIGURATION] = fingerprint(repr(read))
        if TEST_CONFIG in marks:
            marks[TEST_CONFIG] = fingerprint(contents["test-config-file"]["test-config.toml"])
    set_quota(everything)


def config_maps(told: Settings, targets: list[str] | None) -> dict[str, dict[str, str]]:
    """The generated ConfigMaps: name, key, text. ``targets`` are those of Prometheus where it does not discover them."""
    made = generate_monitoring.files()
    shared = generate_monitoring.CLUSTER
    as_yaml = generate_monitoring.as_yaml
    scraping = configuration.prometheus_in_cluster(*shape.intervals(told), targets)
    rules = alerts.groups(alerts.alerts(shape.thresholds(told)))
    source = configuration.grafana_datasource(told.prometheus.endpoint)
    return {
        "test-config-file": {
            "test-config.toml": (FOLDER / "test-config.toml").read_text(encoding="utf-8")
        },
        "prometheus-config": {
            "prometheus.yml": as_yaml(scraping),
            configuration.RULES_FILE: as_yaml(rules),
        },
        "alertmanager-config": {"alertmanager.yml": made[shared / "alertmanager.yml"]},
        "grafana-datasources": {"datasource.yml": as_yaml(source)},
        "grafana-provider": {"dashboards.yml": made[shared / "grafana" / "dashboards.yml"]},
        "grafana-dashboards": {
            f"{board.uid}.json": made[shared / "dashboards" / f"{board.uid}.json"]
            for board in dashboards.DASHBOARDS
        },
    }


def set_quota(everything: list[Tree]) -> None:
    """All at once and a quarter on top, and never less than a second regression run, which people start by hand."""
    hard = next(found for found in everything if found["kind"] == "ResourceQuota")["spec"]["hard"]
    nightly = [found for found in everything if found["kind"] == "CronJob"]
    for kind in ("requests", "limits"):
        for resource in ("cpu", "memory"):
            once = manifests.total(everything, kind, resource)
            wanted = max(once * QUOTA_MARGIN, once + manifests.total(nightly, kind, resource))
            hard[f"{kind}.{resource}"] = (
                DoubleQuotedScalarString(f"{math.ceil(wanted * 10) * 100}m")
                if resource == "cpu"
                else f"{math.ceil(wanted / 2**20)}Mi"
            )
    count = sum(manifests.pods(found) for found in everything)
    hard["pods"] = DoubleQuotedScalarString(str(math.ceil(count * QUOTA_MARGIN)))


def shrink(by_name: dict[str, list[Tree]]) -> None:
    """The figures for two CPUs, and no claim."""
    runner = by_name["test-deployment.yaml"]
    runner[:] = [found for found in runner if found["kind"] != "PersistentVolumeClaim"]
    for objects in by_name.values():
        for found in objects:
            pod = manifests.pod_of(found)
            if pod is None:
                continue
            set_figures(found)
            volumes = pod["spec"]["volumes"]
            for place, volume in enumerate(volumes):
                if "persistentVolumeClaim" in volume:
                    volumes[place] = SMALL_REPORTS
    set_quota([found for objects in by_name.values() for found in objects])


def set_figures(found: Tree) -> None:
    """Those of ``SMALL_FIGURES``; the Job that makes the Secrets keeps its own, because a Job cannot be changed."""
    name = str(found["metadata"]["name"])
    if name == "generate-secrets":
        return
    figures = SMALL_FIGURES[name.rstrip("-123") if name.startswith("mock-governance") else name]
    for container in manifests.containers(found):
        resources = container["resources"]
        for kind, pair in (("requests", figures[:2]), ("limits", figures[2:])):
            cpu, memory = pair
            resources[kind]["cpu"] = cpu if cpu.endswith("m") else DoubleQuotedScalarString(cpu)
            resources[kind]["memory"] = memory


def fingerprint(text: str) -> str:
    """SHA-256 in hexadecimal digits, as ``sha256sum`` prints it."""
    return hashlib.sha256(text.encode()).hexdigest()


def stale() -> list[Path]:
    """Files that are absent or differ, and files beside them that kubectl would read although nothing makes them."""
    made = files()
    differ = [
        path
        for path, text in made.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    readable = [
        path
        for folder in (FOLDER, SMALL)
        for path in folder.glob("*")
        if path.suffix in {".yaml", ".yml", ".json"}
    ]
    return differ + [path for path in readable if path not in made]


def main() -> int:
    """Write the files, or with --check name those that are stale; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when stale")
    check = parser.parse_args().check
    try:
        if not check:
            write()
            return 0
        old = stale()
    except errors.UsageError as error:
        sys.stderr.write(f"generate_manifests: {error}\n")
        return int(errors.ExitCode.USAGE)
    sys.stderr.writelines(f"stale: {path.relative_to(ROOT)}\n" for path in old)
    return 1 if old else 0


def write() -> None:
    """Bring every file up to date."""
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
