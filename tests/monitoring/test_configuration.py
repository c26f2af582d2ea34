"""What Prometheus, Alertmanager and Grafana are told fits together; the tools themselves check it in tests/interop/test_promtool.py."""

from typing import Any

from alys.monitoring import alerts, configuration


def test_the_dead_tree_is_looked_for_under_the_name_that_the_runner_is_scraped_by() -> None:
    told: Any = configuration.prometheus()
    jobs = [job["job_name"] for job in told["scrape_configs"]]
    assert configuration.RUNNER_JOB in jobs
    (rule,) = [rule for rule in alerts.alerts() if rule.name == "AlysActorTreeDead"]
    assert f'job="{configuration.RUNNER_JOB}"' in rule.expr


def test_prometheus_loads_our_rules_and_does_not_sit_on_the_runners_port() -> None:
    told: Any = configuration.prometheus()
    assert told["rule_files"] == [configuration.RULES_FILE]
    targets = [
        target
        for job in told["scrape_configs"]
        for static in job.get("static_configs", ())
        for target in static["targets"]
    ]
    assert len(set(targets)) == len(targets)


def test_every_route_leads_to_a_receiver_and_every_severity_has_a_route() -> None:
    told: Any = configuration.alertmanager()
    receivers = {one["name"] for one in told["receivers"]}
    routes = [told["route"], *told["route"]["routes"]]
    assert {route["receiver"] for route in routes} == receivers
    assert told["route"]["routes"][0]["matchers"] == [f'severity="{alerts.Severity.CRITICAL}"']


def test_only_alerts_that_exist_inhibit_others() -> None:
    told: Any = configuration.alertmanager()
    names = {rule.name for rule in alerts.alerts()}
    (source,) = told["inhibit_rules"][0]["source_matchers"]
    assert set(source.partition('"')[2].rstrip('"').split("|")) <= names


def test_grafana_is_given_the_source_that_the_dashboards_name() -> None:
    told: Any = configuration.grafana_datasource("http://prometheus:9090")
    (source,) = told["datasources"]
    assert (source["uid"], source["url"]) == (
        configuration.DATASOURCE_UID,
        "http://prometheus:9090",
    )
    provider: Any = configuration.grafana_provider("/there")
    assert provider["providers"][0]["options"] == {"path": "/there"}
