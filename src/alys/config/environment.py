"""The variables that are honoured, what each sets, and how its text is read.

The document's users write one thing in several ways: a list of endpoints as YAML (the ConfigMap), with commas (a shell) or
as JSON (a template); a duration as ``300`` or ``300s``; a switch as ``true``, ``1`` or ``yes``. All of them are understood.
"""

from collections.abc import Callable, Mapping
from typing import Any

from alys.config import errors, forms, schema

Layer = dict[schema.Path, tuple[object, str]]
Found = dict[schema.Path, object]

_SWITCH = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_PERFORMANCE = ("test_scenarios", "performance")
_SHORTEST_PERFORMANCE_S = 10
_AROUND_PERFORMANCE_S = 30
"""Wall time to start the world and to judge the load."""


def read(environment: Mapping[str, str]) -> Layer:
    """The settings that the environment gives, each with the variable that it came from."""
    found: Layer = {}
    for name, (path, parse) in VARIABLES.items():
        text = environment.get(name, "")
        if text.strip():
            where = f"environment variable {name}"
            try:
                values = parse(path, text)
            except ValueError as error:
                raise _unreadable(path, text, where, error) from None
            for target, value in values.items():
                found[target] = (schema.check(target, value, where, from_text=True), where)
    return found


def _plain(path: schema.Path, text: str) -> Found:
    return {path: text.strip()}


def _switch(path: schema.Path, text: str) -> Found:
    word = text.strip().lower()
    return {path: _SWITCH.get(word, word)}


def _urls(path: schema.Path, text: str) -> Found:
    """A YAML list, of which a JSON list is one, or URLs separated by commas or lines."""
    if text.strip()[0] in "-[":
        import yaml  # only whoever writes YAML waits for its reader

        try:
            listed: Any = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError("not a YAML list: " + " ".join(str(error).split())) from None
        if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
            raise ValueError("not a list of texts")
        return {path: [item.strip() for item in listed]}
    return {
        path: [
            item for item in (part.strip() for part in text.replace(",", "\n").split("\n")) if item
        ]
    }


def _whole_performance(_: schema.Path, text: str) -> Found:
    """The whole time of the performance suite: a tenth to warm up, eight tenths measured, a tenth to start and to judge.

    The document gives its Job 300 and its file 30 + 240 of 300: this is the reading under which both say the same. Starting and
    judging take as long for a short load as for a long one, so the limit leaves them 30 s in any case.
    """
    whole = forms.whole_seconds(text)
    if not isinstance(whole, int) or whole < _SHORTEST_PERFORMANCE_S:
        raise ValueError("too short to measure anything")
    load = whole // 10 + whole * 8 // 10
    return {
        (*_PERFORMANCE, "timeout"): max(whole, load + _AROUND_PERFORMANCE_S),
        (*_PERFORMANCE, "warmup_duration"): whole // 10,
        (*_PERFORMANCE, "test_duration"): whole * 8 // 10,
    }


def _unreadable(path: schema.Path, text: str, where: str, error: ValueError) -> errors.ConfigError:
    bounds = schema.allowed(path)
    if path == (*_PERFORMANCE, "timeout"):
        bounds = bounds.replace("from 1 ", f"from {_SHORTEST_PERFORMANCE_S} ")
    elif path == ("mock_services", "governance_nodes"):
        bounds += "; as YAML, as JSON or with commas"
    reason = f" ({error})" if " " in str(error) else ""
    key = ".".join(path)
    return errors.ConfigError(
        f"{key} = {schema.shown(text)} cannot stand{reason}", key=key, where=where, allowed=bounds
    )


VARIABLES: dict[str, tuple[schema.Path, Callable[[schema.Path, str], Found]]] = {
    "TEST_ENVIRONMENT": (("test_environment", "name"), _plain),
    "TEST_TIMEOUT": (("test_environment", "timeout_seconds"), _plain),
    "ALYS_IMAGE": (("test_environment", "image"), _plain),
    "LOG_LEVEL": (("test_environment", "log_level"), _plain),
    "RUST_LOG": (("test_environment", "log_level"), _plain),  # after LOG_LEVEL: it wins
    "COMPREHENSIVE_TESTING": (("test_environment", "comprehensive"), _switch),
    "JOB_NAME": (("test_environment", "job_name"), _plain),
    "RESULTS_URL": (("test_environment", "results_url"), _plain),
    "RESULTS_UPLOAD_SECONDS": (("test_environment", "results_upload_seconds"), _plain),
    "GOVERNANCE_ENDPOINTS": (("mock_services", "governance_nodes"), _urls),
    "BITCOIN_RPC_URL": (("mock_services", "bitcoin_rpc_url"), _plain),
    "ETHEREUM_RPC_URL": (("mock_services", "ethereum_rpc_url"), _plain),
    "ENGINE_API_URL": (("mock_services", "engine_api_url"), _plain),
    "GOVERNANCE_ADMIN_URLS": (("mock_services", "governance_admin_urls"), _urls),
    "BITCOIN_ADMIN_URL": (("mock_services", "bitcoin_admin_url"), _plain),
    "ETHEREUM_ADMIN_URL": (("mock_services", "ethereum_admin_url"), _plain),
    "REAL_NODES": (("mock_services", "real"), _urls),
    "PROMETHEUS_ENABLED": (("prometheus", "enabled"), _switch),
    "METRICS_PORT": (("prometheus", "metrics_port"), _plain),
    "MAX_TEST_ACTORS": (("test_scenarios", "supervision", "max_actors"), _plain),
    "PERFORMANCE_TEST_DURATION": ((*_PERFORMANCE, "timeout"), _whole_performance),
    "TARGET_MESSAGE_RATE": ((*_PERFORMANCE, "target_message_rate"), _plain),
    "MAX_MEMORY_USAGE_MB": ((*_PERFORMANCE, "max_memory_usage_mb"), _plain),
    "ALYS_WORLD": (("world", "kind"), _plain),
    "ALYS_SEED": (("world", "seed"), _plain),
    "ALYS_TIME_SCALE": (("world", "time_scale"), _plain),
    "ALYS_RESULTS_DIR": (("test_environment", "results_dir"), _plain),
    "ALYS_HOST": (("service", "host"), _plain),
    "ALYS_LOG_FORMAT": (("test_environment", "log_format"), _plain),
}
"""Every variable that is honoured, in the order in which they override each other. An empty one counts as unset."""
