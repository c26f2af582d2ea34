"""The settings tree read as a schema."""

import pytest

from alys.config import errors, schema


def test_sections_and_leaves_are_the_keys_of_the_file() -> None:
    assert ("world", "seed") in list(schema.leaves())
    assert ("test_scenarios", "integration") in list(schema.sections())
    assert not set(schema.leaves()) & set(schema.sections())


def test_every_setting_says_what_it_allows() -> None:
    for path in schema.leaves():
        assert schema.allowed(path), path


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("world.kind", "local, sim, remote"),
        ("world.seed", "a whole number from 0 to 9223372036854775807"),
        ("world.time_scale", "a number from 0.1 to 1000.0"),
        ("world.host", "text not empty"),
        ("node.slot_duration_ms", "a whole number from 1000 to 60000 in steps of 1000"),
        ("mock_services.governance_nodes", 'a list of: a URL such as "http://host:18332"'),
        ("test_scenarios.integration.timeout", 'seconds, as 300, "300s" or "5m", from 1 to 86400'),
        (
            "test_scenarios.integration.test_flows",
            "a list of: block_production_flow, bridge_operation_flow, multi_actor_coordination; at least one",
        ),
        ("alerts.high_failure_rate_threshold", "a number above 0 to 1"),
        ("prometheus.enabled", "true or false"),
        ("prometheus.scrape_interval", 'a duration such as "15s", "1h30m" or "1d"'),
    ],
)
def test_bounds_in_words(path: str, words: str) -> None:
    assert schema.allowed(tuple(path.split("."))) == words


def test_no_setting_here_is_no_type() -> None:
    with pytest.raises(KeyError):
        schema.type_of(("world", "sed"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("world.seed", -1),
        ("world.seed", 2**63),
        ("world.seed", "7"),
        ("world.seed", 1.5),
        ("world.seed", True),
        ("world.kind", "mars"),
        ("world.time_scale", 0),
        ("world.host", ""),
        ("node.slot_duration_ms", 2500),
        ("test_environment.max_concurrent_tests", 65),
        ("mock_services.governance_nodes", "http://localhost"),
    ],
)
def test_a_value_out_of_bounds_is_refused_with_place_key_and_bounds(
    path: str, value: object
) -> None:
    target = tuple(path.split("."))
    with pytest.raises(errors.ConfigError) as caught:
        schema.check(target, value, "a.toml:3")
    assert str(caught.value).startswith(f"a.toml:3: {path} = {schema.shown(value)} cannot stand")
    assert caught.value.allowed == schema.allowed(target)


def test_a_near_choice_is_named() -> None:
    with pytest.raises(errors.ConfigError, match="did you mean 'local'"):
        schema.check(("world", "kind"), "locla", "flag --world")


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("world.seed", "7", 7),
        ("world.time_scale", "2.5", 2.5),
        ("world.seed", str(2**63 - 1), 2**63 - 1),
    ],
)
def test_text_becomes_a_number_where_everything_is_text(
    path: str, text: str, value: object
) -> None:
    assert schema.check(tuple(path.split(".")), text, "flag", from_text=True) == value
