"""The local world at its edges: the real command on real sockets, and what it says and leaves when it cannot go on."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alys.cli import front as cli

ROOT = Path(__file__).parents[2]


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def start(results: Path, *words: str, suite: str = "integration") -> "subprocess.Popen[str]":
    """``alys test SUITE --world local`` in a process group of its own."""
    command = [sys.executable, "-m", "alys", "test", suite, "--world", "local"]
    return subprocess.Popen(
        [*command, "--results-dir", str(results), *words],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},  # noqa: TID251 - for a child process
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize(("suite", "scenarios"), [("integration", 3), ("stream_actor", 4)])
def test_all_scenarios_pass_on_real_sockets_with_one_object_on_stdout(
    tmp_path: Path, suite: str, scenarios: int
) -> None:
    with start(tmp_path, "-o", "json", "--seed", "7", suite=suite) as process:
        out, err = process.communicate(timeout=120)
    told = json.loads(out)
    assert (process.returncode, told["verdict"]) == (0, "pass"), err
    assert told["counts"]["passed"] == scenarios
    assert told["trace_hash"] is None  # real sockets promise no order
    assert (tmp_path / "latest" / "report.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.slow
def test_governance_nodes_on_sockets_pass_witnesses_on_when_told_so(tmp_path: Path) -> None:
    config = tmp_path / "gossip.toml"
    config.write_text("[world]\ngovernance_gossip = true\n")
    words = ("--config", str(config), "-k", "bridge_operation", "-o", "json")
    with start(tmp_path, *words) as process:
        out, err = process.communicate(timeout=120)
    assert (process.returncode, json.loads(out)["verdict"]) == (0, "pass"), err
    assert err.count(": there") >= 6, "each of three nodes has found two"


@pytest.mark.parametrize(
    ("setting", "service"),
    [
        ("bitcoin_rpc_port", "Bitcoin RPC"),
        ("ethereum_rpc_port", "Ethereum node"),
        ("engine_api_port", "Engine API"),
        ("governance_base_port", "governance"),
    ],
)
def test_a_port_in_use_is_the_machines_fault_and_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    taken_port: int,
    setting: str,
    service: str,
) -> None:
    config = tmp_path / "fixed.toml"
    config.write_text(f"[world]\n{setting} = {taken_port}\n")
    words = ["test", "integration", "--config", str(config), "-k", "block_production", "-o", "json"]
    code = cli.main([*words, "--results-dir", str(tmp_path)])
    told = json.loads(capsys.readouterr().out)
    assert (code, told["verdict"]) == (3, "environment")
    assert f"127.0.0.1:{taken_port}" in told["cause"]
    assert service in told["cause"]
    assert "port 0" in told["cause"] or "0 takes a free one" in told["cause"]


@pytest.mark.slow
def test_ctrl_c_in_the_middle_says_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    config = tmp_path / "fixed.toml"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config.write_text(f"[world]\nbitcoin_rpc_port = {port}\n")
    with start(tmp_path, "--config", str(config)) as process:
        _until_listening(process, port)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    last = err.strip().splitlines()
    assert last[-1].startswith("alys: interrupted after 0 of 3 scenarios")
    assert not [line for line in last if "Traceback" in line or "never awaited" in line], err
    with socket.socket() as again:
        assert again.connect_ex(("127.0.0.1", port)) != 0
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    report: dict[str, Any] = json.loads((tmp_path / "latest" / "report.json").read_text())
    assert report["exit_code"] == 130


def _until_listening(process: "subprocess.Popen[str]", port: int) -> None:
    """The run is under way once its Bitcoin node accepts connections."""
    while True:
        assert process.poll() is None, "it ended before it could be interrupted"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return


@pytest.mark.parametrize(
    ("line", "exit_code", "named"),
    [
        ('governance_nodes = ["http://127.0.0.1:1"]', 2, "mock_services.governance_nodes"),
        ('bitcoin_rpc_url = "http://127.0.0.1:1"', 3, "the Bitcoin node: http://127.0.0.1:1"),
    ],
)
def test_services_elsewhere_are_refused_or_asked_and_not_ignored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, exit_code: int, named: str
) -> None:
    config = tmp_path / "elsewhere.toml"
    config.write_text(f"[mock_services]\n{line}\n")
    code = cli.main(
        [
            "test",
            "integration",
            "--config",
            str(config),
            "--results-dir",
            str(tmp_path),
            "-o",
            "json",
        ]
    )
    told = json.loads(capsys.readouterr().out)
    assert code == exit_code
    assert named in told["cause"]
