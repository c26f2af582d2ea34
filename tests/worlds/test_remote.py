"""The remote world: services that are processes of their own, sessions, turns, and clear words when something lacks."""

import base64
import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from alys.base.errors import EnvironmentFailure
from alys.base.turns import NoTurn, Turns
from alys.cli import front as cli
from alys.config import keys, loader, services
from alys.config.settings import MockServices, Settings
from alys.shells import lease
from alys.worlds import remote
from alys.worlds.turn import Turn, lease_of

SERVICES = ("governance", "governance", "governance", "bitcoin", "ethereum")
PORTS = (
    "RPC_PORT",
    "P2P_PORT",
    "HTTP_RPC_PORT",
    "WS_RPC_PORT",
    "ENGINE_PORT",
    "GRPC_PORT",
    "METRICS_PORT",
)


def start(service: str, number: int) -> "subprocess.Popen[str]":
    free = dict.fromkeys((*PORTS, "ADMIN_PORT"), "0")
    told = {"GOVERNANCE_NODE_ID": f"governance-node-{number + 1}"} if number < 3 else {}
    return subprocess.Popen(
        [sys.executable, "-m", "alys", "mock", service],
        env=os.environ | free | told,  # noqa: TID251
        stdout=subprocess.PIPE,
        text=True,
    )


def doors(process: "subprocess.Popen[str]") -> dict[str, str]:
    """What the service says of itself: each door by name; the last one is that of the metrics."""
    found: dict[str, str] = {}
    assert process.stdout is not None
    while "metrics" not in found:
        line = process.stdout.readline()
        assert line, "the service ended before it was open"
        name, _, url = line.strip().partition(" ")
        found[name] = url
    return found


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    """The environment that leads to five service processes."""
    processes = [start(service, number) for number, service in enumerate(SERVICES)]
    try:
        found = [doors(process) for process in processes]
        *governance, coin, chain = found
        yield {
            "GOVERNANCE_ENDPOINTS": ",".join(f"http://{one['grpc']}" for one in governance),
            "GOVERNANCE_ADMIN_URLS": ",".join(one["admin"] for one in governance),
            "BITCOIN_RPC_URL": coin["rpc"],
            "BITCOIN_ADMIN_URL": coin["admin"],
            "ETHEREUM_RPC_URL": chain["http"],
            "ETHEREUM_ADMIN_URL": chain["admin"],
            "ENGINE_API_URL": chain["engine"],
        }
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.communicate(timeout=30)
    assert [process.returncode for process in processes] == [0] * len(processes)


def settings(variables: dict[str, str]) -> Settings:
    return loader.load(None, {"ALYS_WORLD": "remote", **variables}, {})


def turns(told: Settings) -> Turns:
    found = lease_of(told, {})
    assert found is not None
    return found


@pytest.mark.slow
def test_the_integration_suite_runs_against_services_by_url(
    variables: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ["test", "integration", "--world", "remote", "--time-scale", "10", "-o", "json"]
    code = cli.main([*typed, "--results-dir", str(tmp_path)], environment=variables)
    out, err = capsys.readouterr()
    run = json.loads(out)
    assert (code, run["causes"]) == (0, []), err
    assert run["counts"]["passed"] == 3
    assert all(case["samples"] > 50 for case in run["cases"])
    assert all(case["facts"]["ledger"]["samples"] for case in run["cases"])
    events = (Path(run["results_dir"]) / "events.jsonl").read_text()
    token = services.LOCAL_SECRETS["GOVERNANCE_TOKEN"]
    assert "OpenStream" in events
    assert token not in events
    assert base64.b64encode(token.encode())[4:-4].decode() not in events


@pytest.mark.slow
def test_two_runs_take_turns_and_both_pass(
    variables: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second waits for the first, which holds the lease until its last scenario is over."""
    turn = Turn(lease.FileTurns(lease.path_of(variables["ENGINE_API_URL"])), "somebody")
    turn.take(30)
    scenario = tmp_path / "looks.py"
    scenario.write_text(
        "async def test_looks(world):\n"
        "    head = await world.bitcoin.call('getblockcount')\n"
        "    world.check(head >= 110, 'the session has its own chain', head=head)\n"
    )

    told = threading.Event()
    listener = logging.Handler()
    listener.emit = lambda record: told.set()  # type: ignore[method-assign]
    logging.getLogger("alys.turns").addHandler(listener)

    def make_room() -> None:
        assert told.wait(60), "it did not wait"
        assert turn.wanted().startswith("run ")
        turn.close()

    room = threading.Thread(target=make_room)
    room.start()
    typed = ["test", str(scenario), "--world", "remote", "--results-dir", str(tmp_path / "r")]
    code = cli.main(typed, environment=variables)
    logging.getLogger("alys.turns").removeHandler(listener)
    room.join(30)
    said = capsys.readouterr()
    assert code == 0, said.err
    assert re.search(r"waits for its turn: somebody drives the chains", said.err)


def test_no_turn_is_the_environments_fault(variables: dict[str, str], tmp_path: Path) -> None:
    told = settings(variables)
    told = msgspec.structs.replace(
        told, world=msgspec.structs.replace(told.world, turn_timeout_seconds=1)
    )
    with Turn(lease.FileTurns(lease.path_of(variables["ENGINE_API_URL"])), "somebody") as turn:
        turn.take(30)
        with pytest.raises(NoTurn, match="somebody still drives the chains"):
            remote.open_driver(told, keys.read({}, told.mock_services), turns(told))


def test_another_token_than_the_services_have_is_told_at_once(variables: dict[str, str]) -> None:
    told = settings(variables)
    with pytest.raises(EnvironmentFailure, match="same ADMIN_TOKEN") as raised:
        remote.open_driver(
            told, keys.read({"ADMIN_TOKEN": "other-hush"}, told.mock_services), turns(told)
        )
    assert "hush" not in str(raised.value)


def test_services_that_stay_away_are_named(variables: dict[str, str]) -> None:
    told = settings(variables | {"BITCOIN_ADMIN_URL": "http://127.0.0.1:9"})
    told = msgspec.structs.replace(
        told, world=msgspec.structs.replace(told.world, services_timeout_seconds=1)
    )
    with pytest.raises(EnvironmentFailure, match=r"within 1 s: http://127\.0\.0\.1:9: ") as raised:
        remote.open_driver(told, keys.read({}, told.mock_services), turns(told))
    assert variables["ETHEREUM_ADMIN_URL"] not in str(raised.value)


def test_admin_ports_are_those_of_the_same_hosts_unless_said() -> None:
    found = remote.places(
        MockServices(
            governance_nodes=("http://mock-governance-1:50051", "http://[::1]:50052"),
            bitcoin_rpc_url="http://alice:hush@mock-bitcoin-node:18332",
            ethereum_rpc_url="http://mock-ethereum-node:8545",
            engine_api_url="http://mock-ethereum-node:8551",
            ethereum_admin_url="http://elsewhere:1",
        )
    )
    assert found.governance == ("mock-governance-1:50051", "[::1]:50052")
    assert found.governance_admin == ("http://mock-governance-1:9101", "http://[::1]:9101")
    assert found.bitcoin == "http://mock-bitcoin-node:18332"
    assert found.bitcoin_admin == "http://mock-bitcoin-node:9101"
    assert found.ethereum_admin == "http://elsewhere:1"


def test_a_real_node_has_no_admin_port() -> None:
    given = MockServices(
        governance_nodes=("http://g:1",),
        bitcoin_rpc_url="http://b:1",
        ethereum_rpc_url="http://e:1",
        engine_api_url="http://e:2",
        real=("bitcoin",),
    )
    found = remote.places(given)
    assert found.bitcoin_admin == ""
    assert found.admins == ("http://e:9101", "http://g:9101")
    both = msgspec.structs.replace(given, real=("bitcoin", "ethereum"))
    assert remote.places(both).admins == ("http://g:9101",)
