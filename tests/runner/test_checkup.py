"""The looks together: what they look at follows from the settings, and what is wrong anywhere is found."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.base.errors import EnvironmentFailure
from alys.base.seen import Cluster
from alys.config import settings
from alys.config.settings import Settings
from alys.report.doctor import Finding, State
from alys.runner import checkup
from tests.shells import doors, prometheus

TARGETS = "/api/v1/targets"


def told_to(results: Path, **sections: Any) -> Settings:
    environment = settings.TestEnvironment(results_dir=str(results))
    service = settings.ServiceSettings(port=0)
    quiet = settings.MonitoringSettings(prometheus_enabled=False)
    chosen = {"test_environment": environment, "service": service, "monitoring": quiet}
    return Settings(**{**chosen, **sections})


def examined(told: Settings, **more: Any) -> dict[str, Finding]:
    findings = checkup.examine(checkup.Request(settings=told, keys=None, **more))
    return {finding.check: finding for finding in findings}


def wrong(found: dict[str, Finding]) -> dict[str, str]:
    return {check: finding.what for check, finding in found.items() if finding.state is State.WRONG}


def test_a_local_world_needs_no_service_and_what_is_not_there_is_not_looked_at(
    tmp_path: Path,
) -> None:
    found = examined(told_to(tmp_path))
    assert wrong(found) == {}
    unseen = {check for check, finding in found.items() if finding.state is State.NOT_LOOKED_AT}
    assert unseen == {"services", "alys serve", "Prometheus", "cluster"}


def test_a_fixed_port_that_is_taken_and_a_file_in_the_way_are_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        world = settings.WorldSettings(bitcoin_rpc_port=port)
        found = examined(told_to(tmp_path / "file", world=world))
        simulated = msgspec.structs.replace(world, kind="sim")
        elsewhere = examined(told_to(tmp_path, world=simulated))
    assert wrong(found) == {
        f"results folder {tmp_path / 'file'}": f"{tmp_path / 'file'} is no folder",
        f"world.bitcoin_rpc_port = {port}": "Address already in use",
    }
    assert wrong(elsewhere) == {}


def test_the_governance_nodes_take_the_next_ports() -> None:
    told = Settings(world=settings.WorldSettings(governance_base_port=50051, engine_api_port=8551))
    assert checkup.fixed_ports(told) == {
        "world.engine_api_port = 8551": 8551,
        "world.governance_base_port + 0 = 50051": 50051,
        "world.governance_base_port + 1 = 50052": 50052,
        "world.governance_base_port + 2 = 50053": 50053,
    }


def beside(answers: dict[str, tuple[int, object]], look: Any) -> Any:
    """What ``look`` finds, in a thread of its own, while a server gives these answers."""

    async def life() -> Any:
        async with prometheus.serving(answers) as url:
            return await asyncio.to_thread(look, url)

    return asyncio.run(life())


def test_prometheus_is_asked_where_the_settings_say(tmp_path: Path) -> None:
    body = prometheus.answer_of(prometheus.target("mock-services", "down", "connection refused"))

    def look(url: str) -> dict[str, Finding]:
        asked = settings.PrometheusSettings(endpoint=url)
        on = settings.MonitoringSettings()
        return examined(told_to(tmp_path, prometheus=asked, monitoring=on))

    assert wrong(beside({TARGETS: (200, body)}, look)) == {
        "Prometheus job alys-v2-test-runner": "no target was discovered",
        "Prometheus job mock-services": "http://10.0.0.1:9100/mock-services is down: connection refused",
    }


def test_a_serve_that_is_not_ready_is_wrong_and_says_why(tmp_path: Path) -> None:
    answers: dict[str, tuple[int, object]] = {
        "/health": (200, "healthy"),
        "/ready": (503, "starting"),
    }

    def look(url: str) -> dict[str, Finding]:
        port = int(url.rpartition(":")[2])
        served = settings.ServiceSettings(host="0.0.0.0", port=port)
        return examined(told_to(tmp_path, service=served))

    assert [*wrong(beside(answers, look)).values()] == ["starting"]


def test_a_serve_that_does_not_run_is_wrong_where_it_was_asked_for_and_told_once(
    tmp_path: Path,
) -> None:
    with doors.closed() as url:
        port = int(url.rpartition(":")[2])
        unasked = examined(told_to(tmp_path, service=settings.ServiceSettings(port=port)))
        asked = examined(told_to(tmp_path), url=url)
    check = f"alys serve 127.0.0.1:{port}/health"
    assert unasked[check].state is State.NOT_LOOKED_AT
    assert wrong(asked) == {check: f"port {port} refuses connections"}
    assert len([name for name in asked if name.startswith("alys serve")]) == 1


def test_a_cluster_that_cannot_be_asked_is_wrong_with_its_reason(tmp_path: Path) -> None:
    def look() -> Cluster:
        raise EnvironmentFailure("KUBECONFIG=/x cannot be used: no such file")

    found = examined(told_to(tmp_path), look_at_cluster=look)
    assert wrong(found) == {"cluster": "KUBECONFIG=/x cannot be used: no such file"}


@pytest.mark.parametrize("off", ["prometheus", "monitoring"])
def test_metrics_that_are_switched_off_are_not_looked_for(tmp_path: Path, off: str) -> None:
    sections = {
        "prometheus": {"prometheus": settings.PrometheusSettings(enabled=False)},
        "monitoring": {},
    }[off]
    plain = settings.MonitoringSettings(prometheus_enabled=off != "monitoring")
    found = examined(told_to(tmp_path, **{"monitoring": plain, **sections}))["Prometheus"]
    assert (found.state, found.what.endswith("nabled is false")) == (State.NOT_LOOKED_AT, True)
