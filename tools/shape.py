"""What the keys of ``k8s/test-config.toml`` that are about the deployment make of it; docs/reference/configuration.md has a row on each.

All of it is done in place and can be taken back: the file of a former value makes the former manifests again. Hence a part that
is not wanted keeps its objects and has no pods. That also ends one which runs, where an object that is absent from a file would
be left alone by ``kubectl apply``.
"""

import re
from pathlib import Path

import msgspec

from alys.base import errors
from alys.config import forms, loader
from alys.config.settings import Settings
from alys.monitoring.alerts import Thresholds
from tools import manifests
from tools.manifests import Tree

SCRAPE_SECONDS_MAX = 120
"""The alert rules look back over five minutes, and a rate needs two samples in them, also where one is lost."""
SERVICES_INTERVAL = "30s"
"""How often the mock services are asked, or else as often as the runner."""
METRICS_PORT = 9090
RUNNERS = ("alys-test-runner", "alys-test-job")
"""Service accounts of the pods whose log the file is about; the services say little at any level."""
RETENTION = "--storage.tsdb.retention.time="
SWITCHES = {
    "prometheus": "prometheus_enabled",
    "alertmanager": "prometheus_enabled",
    "grafana": "grafana_enabled",
}
"""Deployments, and which key of ``[monitoring]`` each goes by: nothing but Prometheus tells Alertmanager anything."""
_PROMETHEUS_ORDER = re.compile(r"(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?")


def read(path: Path) -> Settings:
    """The settings of the file. Raises UsageError for one that cannot stand, or that asks for what is not made here."""
    told = loader.load(path, {}, {})
    asked = (_figures(told), _interval(told), _namespace(told), _source(told), _port(told))
    for reason in filter(None, asked):
        raise errors.UsageError(f"{path.name}: {reason}")
    return told


def variables(told: Settings) -> dict[str, str]:
    """The ConfigMap ``test-config``: what the document's pods have in their environment, which goes before the file."""
    run, services = told.test_environment, told.mock_services
    return {
        "test_environment": run.name,
        "log_level": run.log_level,
        "test_timeout": f"{run.timeout_seconds}s",
        "max_test_actors": str(told.test_scenarios.supervision.max_actors),
        "prometheus_enabled": str(told.prometheus.enabled).lower(),
        "metrics_port": str(told.prometheus.metrics_port),
        "governance_mock_endpoints": "".join(f"- {url}\n" for url in services.governance_nodes),
        "bitcoin_rpc_url": services.bitcoin_rpc_url,
        "ethereum_rpc_url": services.ethereum_rpc_url,
        "engine_api_url": services.engine_api_url,
    }


def apply(everything: list[Tree], told: Settings) -> None:
    """Shape the objects of all files."""
    for found in everything:
        pod = manifests.pod_of(found)
        if pod is not None and pod["spec"].get("serviceAccountName") in RUNNERS:
            _log_level(pod, told.test_environment.log_level)
        _place(found, told.kubernetes.namespace)
        if found["kind"] == "Deployment":
            _switch(found, told)
        if found["metadata"]["name"] == "prometheus":
            _shape_prometheus(found, told)
        if found["metadata"]["name"] == "allow-kubernetes-api":
            (pods,) = found["spec"]["podSelector"]["matchExpressions"]
            _keep(pods["values"], "prometheus", wanted=told.kubernetes.service_discovery)


def intervals(told: Settings) -> tuple[str, str]:
    """How often the runner and the services are asked."""
    runner = told.prometheus.scrape_interval
    slow = forms.seconds(runner) > forms.seconds(SERVICES_INTERVAL)
    return duration(runner), duration(runner) if slow else SERVICES_INTERVAL


def thresholds(told: Settings) -> Thresholds:
    """Those of the alert rules."""
    return Thresholds(**msgspec.structs.asdict(told.alerts))


def targets(everything: list[Tree], told: Settings) -> list[str] | None:
    """What Prometheus asks, by Service and port, where it is not to discover that itself."""
    if told.kubernetes.service_discovery:
        return None
    marks = {
        found["metadata"]["name"]: found["metadata"].get("annotations", {})
        for found in everything
        if found["kind"] == "Service"
    }
    return [
        f"{name}:{mark['prometheus.io/port']}"
        for name, mark in marks.items()
        if mark.get("prometheus.io/scrape") == "true"
    ]


def duration(text: str) -> str:
    """As Prometheus reads it, which wants the larger units first and each at most once."""
    if _PROMETHEUS_ORDER.fullmatch(text):
        return text
    return f"{round(forms.seconds(text) * 1000)}ms"


def _figures(told: Settings) -> str:
    if told.kubernetes.resource_limits:
        return ""
    return (
        "kubernetes.resource_limits = false is not made here, because the figures are written by hand in k8s/ and would be lost;"
        " set it to true, and where a figure shall not bind, write 0 for request and limit in k8s/ (that is none)"
    )


def _interval(told: Settings) -> str:
    every = told.prometheus.scrape_interval
    if forms.seconds(every) <= SCRAPE_SECONDS_MAX:
        return ""
    return f'prometheus.scrape_interval = "{every}" blinds the alert rules, which look back over 5m: at most {SCRAPE_SECONDS_MAX}s'


def _namespace(told: Settings) -> str:
    name = told.kubernetes.namespace
    if name != "default" and not name.startswith("kube-"):
        return ""
    return (
        f'kubernetes.namespace = "{name}" is the cluster\'s own, and quota, policies and deletion here are for a whole namespace:'
        " choose another"
    )


def _port(told: Settings) -> str:
    if told.prometheus.metrics_port == METRICS_PORT:
        return ""
    return (
        f"prometheus.metrics_port = {told.prometheus.metrics_port}: Service, policies and probes of k8s/ are made for "
        f"{METRICS_PORT}; in a pod no other program can have it"
    )


def _source(told: Settings) -> str:
    if told.prometheus.endpoint or not told.monitoring.grafana_enabled:
        return ""
    return 'prometheus.endpoint is empty, but Grafana asks there: "http://prometheus:9090", or monitoring.grafana_enabled = false'


def _place(found: Tree, namespace: str) -> None:
    """Put an object into the namespace; the Namespace itself gets the name."""
    if found["kind"] == "Namespace":
        found["metadata"]["name"] = found["metadata"]["labels"]["name"] = namespace
        return
    found["metadata"]["namespace"] = namespace
    for subject in found.get("subjects", ()):
        subject["namespace"] = namespace


def _log_level(pod: Tree, level: str) -> None:
    """``RUST_LOG`` stands in the manifest, so that ``kubectl set env`` has something to change."""
    for container in pod["spec"]["containers"]:
        for variable in container["env"]:
            if variable["name"] == "RUST_LOG":
                variable["value"] = level


def _switch(found: Tree, told: Settings) -> None:
    """No pods of what is switched off; otherwise as many as the file says."""
    key = SWITCHES.get(found["metadata"]["name"])
    if key is not None:
        spec = found["spec"]
        spec["replicas"] = max(1, spec["replicas"]) if getattr(told.monitoring, key) else 0


def _shape_prometheus(found: Tree, told: Settings) -> None:
    """How long it keeps what it has, and whether it may ask the cluster for its targets."""
    discovers = told.kubernetes.service_discovery
    if found["kind"] == "RoleBinding":
        account = {
            "kind": "ServiceAccount",
            "name": "prometheus",
            "namespace": told.kubernetes.namespace,
        }
        _keep(found["subjects"], account, wanted=discovers)
    if found["kind"] == "Deployment":
        pod = found["spec"]["template"]["spec"]
        pod["automountServiceAccountToken"] = discovers
        given = pod["containers"][0]["args"]
        (place,) = [n for n, argument in enumerate(given) if argument.startswith(RETENTION)]
        given[place] = RETENTION + duration(told.monitoring.metrics_retention)


def _keep(listed: Tree, one: object, *, wanted: bool) -> None:
    """Have it in the list, or not."""
    if wanted and one not in listed:
        listed.append(one)
    if not wanted and one in listed:
        listed.remove(one)
