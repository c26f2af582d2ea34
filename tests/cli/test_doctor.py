"""``alys doctor``, typed, against real services and a stand-in for a cluster."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from alys.cli import front
from alys.config.services import BitcoinService, EthereumService, GovernanceService
from alys.kube import client
from alys.kube.looking import PODS
from alys.shells import mock_service
from alys.shells.bitcoin_mock import BitcoinMock
from alys.shells.ethereum_mock import EthereumMock
from alys.shells.governance_mock import GovernanceMock
from tests.kube.clocks import Still
from tests.kube.standin.server import StandIn
from tests.shells import doors
from tests.shells.mocks import settings

QUIET = "[monitoring]\nprometheus_enabled = false\ngrafana_enabled = false\n[service]\nport = 0\n"
"""Nothing outside the test is looked at."""


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    (tmp_path / "settings.toml").write_text(QUIET)
    return ["doctor", "--config", str(tmp_path / "settings.toml"), "--results-dir", str(tmp_path)]


def beside_services(arguments: list[str], **changes: str) -> int:
    """The command's exit code while all three services are open, with their addresses in its environment."""
    told: list[tuple[mock_service.Service, Any]] = [
        (BitcoinMock(one := settings(BitcoinService)), one),
        (EthereumMock(two := settings(EthereumService)), two),
        (GovernanceMock(three := settings(GovernanceService)), three),
    ]

    async def life() -> int:
        try:
            opened = [
                await mock_service.open_doors(service, how, lambda: None) for service, how in told
            ]
            environment = {**_environment(*opened), **changes}
            return await asyncio.to_thread(front.main, arguments, environment=environment)
        finally:
            for service, _ in told:
                await mock_service.close_doors(service)

    return asyncio.run(life())


def _environment(
    bitcoin: Mapping[str, str], ethereum: Mapping[str, str], governance: Mapping[str, str]
) -> dict[str, str]:
    return {
        "ALYS_WORLD": "remote",
        "BITCOIN_RPC_URL": bitcoin["rpc"],
        "BITCOIN_ADMIN_URL": bitcoin["admin"],
        "ETHEREUM_RPC_URL": ethereum["http"],
        "ENGINE_API_URL": ethereum["engine"],
        "ETHEREUM_ADMIN_URL": ethereum["admin"],
        "GOVERNANCE_ENDPOINTS": f"http://{governance['grpc']}",
        "GOVERNANCE_ADMIN_URLS": governance["admin"],
    }


def test_services_that_are_well_are_ok(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert beside_services([*arguments, "-o", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    states = {each["check"].rpartition(" ")[0]: each["state"] for each in said["checks"]}
    services = ("bitcoin", "ethereum", "engine", "governance", "admin port")
    assert [states[kind] for kind in services] == ["ok"] * 5
    assert (said["verdict"], said["exit_code"], said["counts"]["wrong"]) == ("pass", 0, 0)


def test_each_service_that_is_not_well_is_told_in_its_own_way(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with doors.closed() as url:
        changes = {
            "BITCOIN_RPC_PASSWORD": "not-the-password",
            "ADMIN_TOKEN": "not-the-token",
            "ENGINE_JWT_SECRET": "00" * 32,
            "ETHEREUM_RPC_URL": doors.UNKNOWN,
            "BITCOIN_RPC_USER": "somebody",
            "GOVERNANCE_TOKEN": "any",
            "GOVERNANCE_ENDPOINTS": url,
        }
        assert beside_services([*arguments, "-o", "json"], **changes) == 3
    out = capsys.readouterr().out
    said = json.loads(out)
    found = {each["check"].rpartition(" ")[0]: each for each in said["checks"]}
    assert found["bitcoin"]["what"] == "the secret is refused (HTTP 401)"
    assert "BITCOIN_RPC_PASSWORD" in found["bitcoin"]["fix"]
    assert "nowhere.invalid" in found["ethereum"]["what"]
    assert "ENGINE_JWT_SECRET" in found["engine"]["fix"]
    assert "refuses connections" in found["governance"]["what"]
    assert "ADMIN_TOKEN" in found["admin port"]["fix"]
    assert said["counts"]["wrong"] == 7
    assert [secret for secret in ("not-the-", "00" * 32, "somebody") if secret in out] == []


def test_a_real_node_of_the_local_world_is_looked_at_and_no_admin_port(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with doors.closed() as url:
        environment = {"BITCOIN_RPC_URL": url}
        assert front.main([*arguments, "-o", "json"], environment=environment) == 3
    said = json.loads(capsys.readouterr().out)
    found = {each["check"].rpartition(" ")[0]: each for each in said["checks"]}
    assert "refuses connections" in found["bitcoin"]["what"]
    assert {"ethereum", "engine", "governance", "admin port"} & set(found) == set()


def test_settings_that_cannot_stand_are_exit_2_and_look_at_nothing(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    environment = {"ALYS_WORLD": "moon"}
    assert front.main(arguments, environment=environment) == 2
    assert front.main([*arguments, "--url", "no url"], environment={}) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "world.kind" in said.err
    assert "flag --url" in said.err


def pod(app: str) -> dict[str, Any]:
    container = {"name": "c", "image": "alys-v2-test-runner:latest"}
    metadata = {"name": app, "labels": {"app": app}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [container]},
    }


def test_the_namespace_of_the_settings_is_looked_at(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "kubeconfig")
    with StandIn().running() as standin:
        standin.kubeconfig(Path(path))
        cluster = client.connect({"KUBECONFIG": path}, ticks=Still())
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "alys-v2-testing"}}
        cluster.create("/api/v1/namespaces", space)
        assert front.main(arguments, environment={"KUBECONFIG": path}) == 3
        assert front.main(["secrets"], environment={"KUBECONFIG": path}) == 0
        assert front.main(arguments, environment={"KUBECONFIG": path}) == 3, "nothing runs"
        for app in ("alys-v2-test-runner", "mock-governance", "mock-bitcoin-node"):
            cluster.create(PODS.format("alys-v2-testing"), pod(app))
        assert front.main(arguments, environment={"KUBECONFIG": path}) == 3
        cluster.create(PODS.format("alys-v2-testing"), pod("mock-ethereum-node"))
        assert front.main(arguments, environment={"KUBECONFIG": path}) == 0
    said = capsys.readouterr().out
    assert "wrong          pods: there is no pod of mock-ethereum-node\n" in said
    assert "wrong          Secret test-secrets: is not there\n" in said
    assert "ok             Secret test-secrets: has every key\n" in said
