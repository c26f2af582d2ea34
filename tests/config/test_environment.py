"""Variables as the document's users write them."""

import pytest

from alys.config import environment, errors, loader, settings

URLS = ("http://a:1", "http://b:2")


def from_variables(**variables: str) -> settings.Settings:
    layer = environment.read(variables)
    tree = {".".join(path): value for path, (value, _) in layer.items()}
    assert tree
    elsewhere = {
        "BITCOIN_RPC_URL": "http://x",
        "ETHEREUM_RPC_URL": "http://y",
        "ENGINE_API_URL": "http://z",
    }
    needs_remote = "GOVERNANCE_ENDPOINTS" in variables
    world = {"ALYS_WORLD": "remote", **elsewhere} if needs_remote else {}
    return loader.load(None, world | variables, {})


@pytest.mark.parametrize(
    "text",
    [
        "http://a:1,http://b:2",
        " http://a:1 , http://b:2, ",
        "http://a:1\nhttp://b:2\n",
        "- http://a:1\n- http://b:2\n",
        "- \"http://a:1\"   # the first\n-   'http://b:2'\n",
        "\n  - http://a:1\n  - http://b:2\n",
        '["http://a:1", "http://b:2"]',
        "[http://a:1, http://b:2]",
        '[\n  "http://a:1",\n  "http://b:2"\n]\n',
    ],
)
def test_a_list_of_endpoints_is_read_as_yaml_as_json_and_with_commas(text: str) -> None:
    assert from_variables(GOVERNANCE_ENDPOINTS=text).mock_services.governance_nodes == URLS


@pytest.mark.parametrize(
    "text",
    ["- http://a:1\n  - http://b", '["http://a:1"', "[1, 2]", "- name: x", "a:1", "- a:1", "http://a http://b"],
)  # fmt: skip
def test_what_is_no_list_of_urls_is_refused(text: str) -> None:
    with pytest.raises(errors.ConfigError) as caught:
        environment.read({"GOVERNANCE_ENDPOINTS": text})
    told = str(caught.value)
    assert told.startswith(
        "environment variable GOVERNANCE_ENDPOINTS: mock_services.governance_nodes = "
    )
    assert "allowed: a list of: a URL such as" in told
    assert "\n" not in told


def test_the_variables_of_the_documents_pods_are_understood() -> None:
    found = from_variables(
        RUST_LOG="debug",
        TEST_ENVIRONMENT="k8s_nightly",
        TEST_TIMEOUT="300s",
        MAX_TEST_ACTORS="100",
        PROMETHEUS_ENABLED="true",
        METRICS_PORT="9090",
        PERFORMANCE_TEST_DURATION="300",
        TARGET_MESSAGE_RATE="1000",
        MAX_MEMORY_USAGE_MB="512",
        COMPREHENSIVE_TESTING="true",
    )
    assert found.test_environment.comprehensive
    assert found.test_scenarios.supervision.max_actors == 100
    assert found.test_scenarios.performance == settings.Settings().test_scenarios.performance


@pytest.mark.parametrize(("text", "on"), [("true", True), ("1", True), ("Yes", True), ("ON", True),
                                          ("false", False), ("0", False), ("no", False), ("off", False)])  # fmt: skip
def test_a_switch_has_several_spellings(text: str, on: bool) -> None:
    assert from_variables(PROMETHEUS_ENABLED=text).prometheus.enabled is on


@pytest.mark.parametrize(
    ("whole", "timeout", "warmup", "measured"), [("300s", 300, 30, 240), ("20", 48, 2, 16)]
)
def test_the_performance_suites_time_is_divided_in_tenths_with_room_to_start_and_judge(
    whole: str, timeout: int, warmup: int, measured: int
) -> None:
    performance = from_variables(PERFORMANCE_TEST_DURATION=whole).test_scenarios.performance
    assert (
        performance.timeout_seconds,
        performance.warmup_duration,
        performance.test_duration,
    ) == (timeout, warmup, measured)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("TEST_TIMEOUT", "soon", "test_environment.timeout_seconds = 'soon' cannot stand"),
        ("TEST_TIMEOUT", "500ms", "test_environment.timeout_seconds = '500ms' cannot stand"),
        ("METRICS_PORT", "70000", "prometheus.metrics_port = '70000' cannot stand"),
        ("COMPREHENSIVE_TESTING", "maybe", "test_environment.comprehensive = 'maybe' cannot stand"),
        ("MAX_TEST_ACTORS", "0", "test_scenarios.supervision.max_actors = '0' cannot stand"),
        ("PERFORMANCE_TEST_DURATION", "9", "test_scenarios.performance.timeout = '9' cannot stand"),
        ("PERFORMANCE_TEST_DURATION", "x", "test_scenarios.performance.timeout = 'x' cannot stand"),
        ("BITCOIN_RPC_URL", "http://u:hush@", "mock_services.bitcoin_rpc_url = 'http://u:***@'"),
        ("GOVERNANCE_ENDPOINTS", "http://u:hush@,", "mock_services.governance_nodes = ["),
    ],
)
def test_a_wrong_variable_is_told_with_its_key_and_without_a_password(
    name: str, text: str, told: str
) -> None:
    with pytest.raises(errors.ConfigError) as caught:
        loader.load(None, {name: text}, {})
    assert str(caught.value).startswith(f"environment variable {name}: {told}")
    assert "; allowed: " in str(caught.value)
    assert "hush" not in str(caught.value)
