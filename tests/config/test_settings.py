"""The settings tree and the file that documents it."""

from pathlib import Path

import msgspec
import pytest

from alys.config import environment, loader, schema, settings

DEFAULT = Path(settings.__file__).with_name("default.toml")


def test_the_default_file_says_what_the_defaults_are() -> None:
    assert loader.load(DEFAULT, {}, {}) == settings.Settings()


def test_the_default_file_leaves_out_only_the_seed() -> None:
    assert set(schema.leaves()) - set(loader.read_file(DEFAULT)) == {("world", "seed")}
    assert "# seed = " in DEFAULT.read_text()


def test_every_variable_and_flag_that_the_default_file_names_is_one() -> None:
    named = {word for line in DEFAULT.read_text().splitlines() for word in _variables(line)}
    document = {name for name in environment.VARIABLES if not name.startswith("ALYS_")}
    assert {name for name in named if not name.startswith("ALYS_")} == document
    assert named <= set(environment.VARIABLES)


def _variables(line: str) -> list[str]:
    return line.partition(" env ")[2].replace(",", " ").split() if " env " in line else []


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError):
        settings.Settings().world.seed = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    "port", ["bitcoin_rpc_port", "ethereum_rpc_port", "engine_api_port", "governance_base_port"]
)
def test_a_fixed_port_makes_scenarios_run_one_by_one(port: str) -> None:
    plain = settings.Settings()
    fixed = msgspec.structs.replace(plain, world=msgspec.structs.replace(plain.world, **{port: 1}))
    assert (plain.concurrency, fixed.concurrency) == (10, 1)


ROOT = Path(__file__).resolve().parents[2]
CLUSTER = ROOT / "k8s" / "test-config.toml"
DOCUMENTED = {
    "test_environment": "name timeout_seconds max_concurrent_tests log_level report_format",
    "kubernetes": "namespace service_discovery resource_limits cleanup_on_failure",
    "mock_services": "governance_nodes bitcoin_rpc_url ethereum_rpc_url",
    "prometheus": "enabled endpoint metrics_port scrape_interval",
    "test_scenarios.stream_actor": "enabled timeout governance_connections message_rate test_cases",
    "test_scenarios.supervision": "enabled timeout max_actors failure_scenarios",
    "test_scenarios.integration": "enabled timeout actor_types test_flows",
    "test_scenarios.performance": "enabled timeout warmup_duration test_duration "
    "target_message_rate max_memory_usage_mb max_cpu_percent",
    "monitoring": "prometheus_enabled grafana_enabled log_collection metrics_retention",
    "alerts": "high_failure_rate_threshold high_latency_threshold_ms "
    "memory_usage_threshold_percent cpu_usage_threshold_percent",
    "cleanup": "auto_cleanup cleanup_timeout preserve_logs preserve_metrics",
}


def test_the_clusters_file_has_every_key_of_the_document_and_stands() -> None:
    wanted = {
        f"{section}.{name}" for section, names in DOCUMENTED.items() for name in names.split()
    }
    written = {".".join(path) for path in loader.read_file(CLUSTER)}
    assert wanted - written == set()
    assert written - wanted == {
        "mock_services.engine_api_url",
        "test_environment.log_format",
        "world.kind",
        "world.time_scale",
    }
    assert loader.problems(CLUSTER) == []


def test_the_clusters_file_differs_from_the_defaults_in_what_a_cluster_is() -> None:
    cluster, plain = loader.load(CLUSTER, {}, {}), settings.Settings()
    assert cluster.test_scenarios == plain.test_scenarios
    assert cluster.alerts == plain.alerts
    assert (cluster.world.kind, len(cluster.mock_services.governance_nodes)) == ("remote", 3)
    assert (cluster.test_environment.name, cluster.test_environment.log_level) == ("k8s", "debug")


def test_the_clusters_file_is_in_the_package_too() -> None:
    packaged = Path(settings.__file__).with_name("test-config.toml")
    assert packaged.read_bytes() == CLUSTER.read_bytes()


def test_the_documents_variables_may_be_set_over_the_clusters_file() -> None:
    job = {
        "TEST_ENVIRONMENT": "k8s_nightly",
        "RUST_LOG": "info",
        "TEST_TIMEOUT": "300s",
        "GOVERNANCE_ENDPOINTS": "- http://mock-governance-1:50051\n- http://mock-governance-2:50051\n",
        "PERFORMANCE_TEST_DURATION": "300",
        "TARGET_MESSAGE_RATE": "1000",
    }
    found = loader.load(CLUSTER, job, {})
    assert (found.test_environment.name, found.test_environment.log_level) == (
        "k8s_nightly",
        "info",
    )
    assert len(found.mock_services.governance_nodes) == 2
