"""What Prometheus, Alertmanager and Grafana are told, for plain processes on one machine. In a cluster targets are discovered
instead; rules, dashboards and Alertmanager's configuration are the same.
"""

RULES_FILE = "alys-rules.yml"
DATASOURCE_UID = "alys-prometheus"
PROMETHEUS_PORT = 9091
"""Ours in the local set-up: 9090 is where the runner has its metrics."""
ALERTMANAGER_PORT = 9093
RUNNER_JOB = "alys-v2-test-runner"
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
