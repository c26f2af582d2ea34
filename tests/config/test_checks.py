"""Values that contradict each other, and values that were merely overruled."""

from pathlib import Path

import pytest

from alys.config import errors, loader
from alys.config.settings import MockServices, Settings

REMOTE = {
    "ALYS_WORLD": "remote",
    "GOVERNANCE_ENDPOINTS": "http://a:1,http://b:1,http://c:1",
    "BITCOIN_RPC_URL": "http://d:1",
    "ETHEREUM_RPC_URL": "http://e:1",
    "ENGINE_API_URL": "http://e:2",
}


def loaded(tmp_path: Path, text: str, **variables: str) -> Settings:
    path = tmp_path / "a.toml"
    path.write_text(text)
    resolved = loader.load(path, variables, {})
    again = tmp_path / "config.resolved.toml"
    again.write_text(loader.dump(resolved))
    assert loader.load(again, {}, {}) == resolved, "what was accepted once is accepted again"
    return resolved


def complaint(tmp_path: Path, text: str, **variables: str) -> str:
    with pytest.raises(errors.ConfigError) as caught:
        loaded(tmp_path, text, **variables)
    return str(caught.value)


def test_a_run_may_be_made_shorter_than_its_suites(tmp_path: Path) -> None:
    loaded(tmp_path, "[test_scenarios.performance]\ntimeout = 280\n", TEST_TIMEOUT="60s")
    loaded(tmp_path, "[test_environment]\ntimeout_seconds = 60\n")


def test_a_suite_may_not_be_made_longer_than_its_run(tmp_path: Path) -> None:
    said = complaint(
        tmp_path, "[test_environment]\ntimeout_seconds = 400\n", PERFORMANCE_TEST_DURATION="500"
    )
    assert said.startswith(
        "environment variable PERFORMANCE_TEST_DURATION: test_scenarios.performance.timeout = 500 is longer"
    )
    loaded(tmp_path, "", PERFORMANCE_TEST_DURATION="500", TEST_TIMEOUT="500")


def test_the_last_word_is_blamed_for_durations_that_do_not_fit(tmp_path: Path) -> None:
    said = complaint(tmp_path, "[test_scenarios.performance]\nwarmup_duration = 100\n")
    assert said.startswith(f"{tmp_path}/a.toml:2: test_scenarios.performance.warmup_duration = 100")


def test_durations_that_just_fit_are_right(tmp_path: Path) -> None:
    loaded(tmp_path, '[test_scenarios.performance]\nwarmup_duration = "1m"\n')


def test_fewer_nodes_overrule_the_number_of_streams_but_not_the_other_way_round(
    tmp_path: Path,
) -> None:
    text = "[test_scenarios.stream_actor]\ngovernance_connections = 3\n"
    loaded(tmp_path, text, **REMOTE | {"GOVERNANCE_ENDPOINTS": "http://a:1"})
    more = text.replace("3", "4")
    nodes = '[mock_services]\ngovernance_nodes = ["http://a:1"]\n'
    rest = {name: url for name, url in REMOTE.items() if name != "GOVERNANCE_ENDPOINTS"}
    assert "governance_connections = 4 is more than the nodes" in complaint(
        tmp_path, nodes + more, **rest
    )


@pytest.mark.parametrize("name", [name for name in REMOTE if name != "ALYS_WORLD"])
def test_the_remote_world_needs_every_service(tmp_path: Path, name: str) -> None:
    loaded(tmp_path, "", **REMOTE)
    said = complaint(tmp_path, "", **REMOTE | {name: ""})
    assert said.startswith("environment variable ALYS_WORLD: mock_services.")
    assert "is empty, but world remote starts no services of its own" in said


@pytest.mark.parametrize("world", ["local", "sim"])
def test_the_other_worlds_refuse_services_that_are_their_own(tmp_path: Path, world: str) -> None:
    for name in REMOTE:
        if name != "ALYS_WORLD" and (world == "sim" or name == "GOVERNANCE_ENDPOINTS"):
            said = complaint(tmp_path, "", ALYS_WORLD=world, **{name: REMOTE[name]})
            assert said.startswith(f"environment variable {name}: mock_services.")
            assert f"world {world} starts its own" in said


def test_the_local_world_takes_real_nodes_and_an_execution_client_by_both_of_its_doors(
    tmp_path: Path,
) -> None:
    nodes = {name: REMOTE[name] for name in REMOTE if name.endswith("_URL")}
    found = loaded(tmp_path, "", **nodes)
    assert found.mock_services.elsewhere
    assert found.concurrency == 1
    for name in ("ETHEREUM_RPC_URL", "ENGINE_API_URL"):
        rest = {other: url for other, url in nodes.items() if other != name}
        said = complaint(tmp_path, "", **rest)
        assert "is empty, but mock_services." in said
        assert "the same client's URL" in said


def test_real_nodes_are_named_by_what_they_are_and_for_the_remote_world(tmp_path: Path) -> None:
    found = loaded(tmp_path, "", **REMOTE | {"REAL_NODES": "bitcoin, ethereum"})
    assert found.mock_services.real == ("bitcoin", "ethereum")
    said = complaint(tmp_path, "", **REMOTE | {"REAL_NODES": "litecoin"})
    assert "REAL_NODES" in said
    assert "bitcoin" in said
    said = complaint(tmp_path, "", BITCOIN_RPC_URL="http://b:1", REAL_NODES="bitcoin")
    assert "world local starts its own" in said


def test_nodes_named_without_governance_stay_when_the_local_world_is_typed(tmp_path: Path) -> None:
    flags: loader.Flags = {("world", "kind"): ("--world", "local")}
    found = loader.load(None, {"BITCOIN_RPC_URL": "http://d:1"}, flags)
    assert found.mock_services.bitcoin_rpc_url == "http://d:1"
    pod = {name: url for name, url in REMOTE.items() if name != "ALYS_WORLD"}
    assert loader.load(None, pod, flags).mock_services == MockServices()


def test_leaving_prometheus_out_is_told_at_the_place_that_left_it_out(tmp_path: Path) -> None:
    said = complaint(tmp_path, "[monitoring]\nprometheus_enabled = false\n")
    assert f"{tmp_path}/a.toml:2: monitoring.prometheus_enabled = false leaves Grafana" in said
    loaded(tmp_path, "[monitoring]\nprometheus_enabled = false\ngrafana_enabled = false\n")


def test_free_ports_are_in_nobodys_way(tmp_path: Path) -> None:
    loaded(tmp_path, "[world]\nbitcoin_rpc_port = 18332\ngovernance_base_port = 65533\n")


def test_a_file_called_default_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("default.toml")
    path.write_text("[test_scenarios.performance]\ntimeout = 400\n")
    with pytest.raises(errors.ConfigError, match=r"^default\.toml:2: .* is longer than"):
        loader.load(path, {}, {})


def test_a_wrong_directive_in_a_variable_names_the_variable(tmp_path: Path) -> None:
    said = complaint(tmp_path, "", RUST_LOG="info,alys=loud")
    assert said.startswith("environment variable RUST_LOG: test_environment.log_level: directive ")


def test_a_world_chosen_by_a_later_word_does_without_the_services_named_before(
    tmp_path: Path,
) -> None:
    """The configuration of a cluster can be tried in simulation, there and at home."""
    cluster = tmp_path / "cluster.toml"
    cluster.write_text(
        '[world]\nkind = "remote"\n'
        '[mock_services]\ngovernance_nodes = ["http://a:1"]\nbitcoin_rpc_url = "http://b:1"\n'
        'ethereum_rpc_url = "http://c:1"\nengine_api_url = "http://c:2"\n'
    )
    flags: loader.Flags = {("world", "kind"): ("--world", "sim")}
    found = loader.resolve(cluster, {"BITCOIN_RPC_URL": "http://d:1"}, flags)
    assert found.settings.mock_services == MockServices()
    assert found.origins["mock_services", "bitcoin_rpc_url"] == "overruled by flag --world"
    with pytest.raises(errors.ConfigError, match="BITCOIN_RPC_URL"):
        loader.resolve(cluster, {"ALYS_WORLD": "sim", "BITCOIN_RPC_URL": "http://d:1"}, {})
