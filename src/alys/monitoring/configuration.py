"""What Prometheus, Alertmanager and Grafana are told, as plain processes on one machine and in a cluster. There targets are
discovered instead of listed; rules, dashboards and Alertmanager's configuration are the same.
"""

from collections.abc import Iterable, Sequence

RULES_FILE = "alys-rules.yml"
DATASOURCE_UID = "alys-prometheus"
PROMETHEUS_PORT = 9091
"""Ours in the local set-up: 9090 is where the runner has its metrics."""
CLUSTER_PROMETHEUS_PORT = 9090
"""In a cluster every pod has an address of its own."""
ALERTMANAGER_PORT = 9093
RUNNER_JOB = "alys-v2-test-runner"
RUNNER_SERVICE = "alys-v2-test-runner-service"
SERVICES_JOB = "mock-services"
RETENTION = "1d"


def prometheus() -> dict[str, object]:
    """``prometheus.yml``."""
    return {
        "global": {"scrape_interval": "15s", "evaluation_interval": "15s"},
        "rule_files": [RULES_FILE],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{ALERTMANAGER_PORT}"]}]}]
        },
        "scrape_configs": [
            {
                "job_name": "prometheus",
                "static_configs": [{"targets": [f"127.0.0.1:{PROMETHEUS_PORT}"]}],
            },
            {
                "job_name": RUNNER_JOB,
                "static_configs": [{"targets": ["127.0.0.1:9090"]}],
            },
            {
                "job_name": SERVICES_JOB,
                "scrape_interval": "30s",
                "file_sd_configs": [{"files": ["targets/mock-services.yml"]}],
            },
        ],
    }


def prometheus_in_cluster(
    interval: str = "15s", services_interval: str = "30s", targets: Sequence[str] | None = None
) -> dict[str, object]:
    """``prometheus.yml`` of a cluster: the same jobs, whose targets come from the Services of Prometheus's own namespace.

    A Service is scraped where its annotations say so, on the port that they name, which is a pod's port, and on no other.
    ``targets`` are names and ports of Services: then nothing is discovered, and these are asked. The intervals (Prometheus's
    notation) are those of the runner and of the services; rules are looked at as often as the runner.
    """
    if targets is None:
        runner, services = _discovered(RUNNER_SERVICE), _discovered("mock-.+")
    else:
        ours = {one for one in targets if one.startswith(f"{RUNNER_SERVICE}:")}
        runner, services = _listed(ours), _listed(set(targets) - ours)
    return {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": [RULES_FILE],
        "alerting": {
            "alertmanagers": [
                {"static_configs": [{"targets": [f"alertmanager:{ALERTMANAGER_PORT}"]}]}
            ]
        },
        "scrape_configs": [
            {
                "job_name": "prometheus",
                "static_configs": [{"targets": [f"127.0.0.1:{CLUSTER_PROMETHEUS_PORT}"]}],
            },
            {"job_name": RUNNER_JOB, **runner},
            {"job_name": SERVICES_JOB, "scrape_interval": services_interval, **services},
        ],
    }


def _discovered(services: str) -> dict[str, object]:
    """Pods behind the annotated Services whose names match."""
    annotation = "__meta_kubernetes_service_annotation_prometheus_io"
    return {
        "kubernetes_sd_configs": [{"role": "endpointslice", "namespaces": {"own_namespace": True}}],
        "relabel_configs": [
            {
                "action": "keep",
                "source_labels": ["__meta_kubernetes_service_name", f"{annotation}_scrape"],
                "regex": f"{services};true",
            },
            {
                "action": "keepequal",
                "source_labels": ["__meta_kubernetes_endpointslice_port"],
                "target_label": f"{annotation}_port",
            },
            {
                "source_labels": [f"{annotation}_path"],
                "regex": "(.+)",
                "target_label": "__metrics_path__",
            },
            {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "instance"},
            {"source_labels": ["__meta_kubernetes_service_name"], "target_label": "service"},
        ],
    }


def _listed(targets: Iterable[str]) -> dict[str, object]:
    """Services by name; each has one pod, so the name of the Service tells targets apart as well."""
    return {
        "static_configs": [{"targets": sorted(targets)}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "regex": "(.+):.+", "target_label": "service"}
        ],
    }


def service_targets() -> list[object]:
    """``targets/mock-services.yml``: read again whenever it changes; empty until services run on their own."""
    return []


def alertmanager() -> dict[str, object]:
    """``alertmanager.yml``: two receivers that show alerts on Alertmanager's own page and send nothing anywhere.

    Whoever wants mail or a webhook adds it to a receiver. A dead tree or a lost target explains most other alerts of the same
    instance, so it silences them.
    """
    return {
        "route": {
            "receiver": "board",
            "group_by": ["alertname", "job", "instance"],
            "group_wait": "10s",
            "group_interval": "1m",
            "repeat_interval": "4h",
            "routes": [
                {
                    "receiver": "page",
                    "matchers": ['severity="critical"'],
                    "group_wait": "0s",
                    "repeat_interval": "1h",
                }
            ],
        },
        "receivers": [{"name": "board"}, {"name": "page"}],
        "inhibit_rules": [
            {
                "source_matchers": ['alertname=~"AlysActorTreeDead|AlysTargetDown"'],
                "target_matchers": ['severity="warning"'],
                "equal": ["instance"],
            }
        ],
    }


def grafana_datasource(url: str) -> dict[str, object]:
    """Provisioned: the one source that the dashboards name by its uid."""
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "Prometheus",
                "uid": DATASOURCE_UID,
                "type": "prometheus",
                "access": "proxy",
                "url": url,
                "isDefault": True,
                "editable": False,
            }
        ],
    }


def grafana_provider(folder: str) -> dict[str, object]:
    """Provisioned: the folder that Grafana loads the dashboards from."""
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": "alys",
                "folder": "Alys V2",
                "type": "file",
                "disableDeletion": True,
                "allowUiUpdates": False,
                "options": {"path": folder},
            }
        ],
    }
