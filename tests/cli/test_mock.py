"""``alys mock`` as processes: what they say, what their own clients see of them, and how they end."""

import asyncio
import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from alys.cli import front
from alys.config import services

SECRETS = {
    "ADMIN_TOKEN": "adm1n-t0ken",
    "BITCOIN_RPC_USER": "us3r-name",
    "BITCOIN_RPC_PASSWORD": "p4ss-word",
    "ENGINE_JWT_SECRET": "7b" * 32,
    "GOVERNANCE_TOKEN": "g0v-t0ken",
}
PORTS = {
    "bitcoin": ("RPC_PORT", "P2P_PORT"),
    "ethereum": ("HTTP_RPC_PORT", "WS_RPC_PORT", "ENGINE_PORT"),
    "governance": ("GRPC_PORT",),
}
PROBED = ("METRICS_PORT", "ADMIN_PORT")
SECONDS = 60.0  # how long a machine under load may take over anything
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Mock:
    """A child process with its doors open."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self.process = process
        self.log = log
        self.doors: dict[str, str] = {}
        assert process.stdout is not None
        for line in process.stdout:
            name, url = line.split()
            self.doors[name] = url
            if name == "metrics":
                return
        raise AssertionError(f"it ended with {process.wait(SECONDS)}: {log.read_text()}")

    def ask(self, door: str, path: str = "", body: Any = None, **headers: str) -> tuple[int, str]:
        """Status and text of an HTTP request."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.doors[door] + path, data, headers)
        try:
            with NO_PROXY.open(request, timeout=SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def admin(self, path: str, body: Any = None) -> Any:
        """What the admin port answers to whoever has the token."""
        header = f"Bearer {SECRETS['ADMIN_TOKEN']}"
        status, text = self.ask("admin", path, body, Authorization=header)
        assert status == 200, text
        return json.loads(text)

    def ends(self) -> int:
        """The exit code after SIGTERM; raises TimeoutExpired when nothing came of it."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)


@contextmanager
def started(service: str, log: Path, *flags: str, **environment: str) -> Iterator[Mock]:
    """A service on free ports, ready."""
    free = dict.fromkeys((*PORTS[service], *PROBED), "0")
    variables = {**_quiet(), **free, **SECRETS, "RUST_LOG": "trace", **environment}
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "alys", "mock", service, *flags],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=variables,
        )
    with process:
        try:
            mock = Mock(process, log)
            assert mock.ask("metrics", "/ready") == (200, "ready\n")
            yield mock
        finally:
            process.kill()


def _quiet() -> dict[str, str]:
    """This process's environment without what would steer a service."""
    named = {one.name for _, table in services.SERVICES.values() for one in table}
    return {name: text for name, text in os.environ.items() if name not in named}  # noqa: TID251


@pytest.mark.slow
@pytest.mark.parametrize("service", sorted(PORTS))
def test_a_service_lives_tells_and_ends(service: str, tmp_path: Path) -> None:
    """Probes, metrics, a session and the end, and in all that was logged at the lowest level not one secret."""
    with started(service, tmp_path / "log") as mock:
        assert mock.ask("metrics", "/health") == (200, "healthy\n")
        assert "process_resident_memory_bytes" in mock.ask("metrics", "/metrics")[1]
        assert mock.admin("/session", {"name": "run 1", "time_scale": 10})["name"] == "run 1"
        assert mock.admin("/state")["name"] == "run 1"
        assert mock.ask("admin", "/state")[0] == 401
        assert mock.ask("admin", "/state", Authorization="Bearer wr0ng")[0] == 401
        assert mock.ask("metrics", "/ready") == (200, "ready\n")
        assert mock.ends() == 0
    logged = mock.log.read_text()
    assert "run 1" in logged
    assert "Traceback" not in logged
    for secret in (*SECRETS.values(), "wr0ng"):
        assert secret not in logged


def bitcoin_calls(mock: Mock, count: int, method: str, *params: Any) -> None:
    """A batch of one call whose answers do not matter; the service may go away meanwhile."""
    pair = f"{SECRETS['BITCOIN_RPC_USER']}:{SECRETS['BITCOIN_RPC_PASSWORD']}".encode()
    header = f"Basic {base64.b64encode(pair).decode()}"
    try:
        batch = [{"method": method, "params": params}] * count
        mock.ask("rpc", "", batch, Authorization=header)
    except (OSError, http.client.HTTPException):
        return


@pytest.mark.slow
def test_a_call_that_takes_hours_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with started("bitcoin", tmp_path / "log") as mock:
        address = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202"
        caller = threading.Thread(
            target=bitcoin_calls, args=(mock, 1000, "generatetoaddress", 10_000, address)
        )
        caller.start()
        busy(mock)
        assert mock.ends() == 0
        caller.join(SECONDS)


def busy(mock: Mock) -> None:
    """Wait until the service no longer answers anybody else."""
    deadline = time.monotonic() + SECONDS  # noqa: TID251  # a child process has the real clock
    while time.monotonic() < deadline:  # noqa: TID251
        try:
            NO_PROXY.open(mock.doors["metrics"] + "/health", timeout=0.5).close()
        except TimeoutError:
            return
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                return
            raise
    raise AssertionError("the call did not keep it busy")


@pytest.mark.slow
def test_open_streams_and_sockets_do_not_hold_up_the_end(tmp_path: Path) -> None:
    import aiohttp
    import grpc

    from alys.shells.generated import governance_pb2_grpc as rpc
    from tests.models.governance.builders import registration

    async def stream(mock: Mock) -> int:
        async with grpc.aio.insecure_channel(mock.doors["grpc"]) as channel:
            metadata = (("authorization", f"Bearer {SECRETS['GOVERNANCE_TOKEN']}"),)
            call = rpc.GovernanceStreamStub(channel).Stream(metadata=metadata, timeout=SECONDS)
            await call.write(registration())
            await call.read()
            return await asyncio.to_thread(mock.ends)

    async def websocket(mock: Mock) -> int:
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(mock.doors["websocket"]),
        ):
            return await asyncio.to_thread(mock.ends)

    with started("governance", tmp_path / "governance") as mock:
        assert asyncio.run(stream(mock)) == 0
    with started("ethereum", tmp_path / "ethereum") as mock:
        assert asyncio.run(websocket(mock)) == 0


@pytest.mark.slow
def test_strangers_clients_are_served_over_http_and_websocket(tmp_path: Path) -> None:
    """web3.py over both, and curl's way to Bitcoin's own ``stop``, after which the process is gone."""
    import web3

    async def over_websocket(url: str) -> tuple[int, int]:
        provider = web3.WebSocketProvider(url.replace("http://", "ws://"))
        async with web3.AsyncWeb3(provider) as client:
            return await client.eth.chain_id, await client.eth.block_number

    with started("ethereum", tmp_path / "ethereum", "--engine-port", "0") as mock:
        client = web3.Web3(web3.HTTPProvider(mock.doors["http"]))
        assert client.eth.chain_id == 121212
        told = mock.admin("/session", {"name": "run 1", "now": 1_700_000_000})
        assert client.eth.get_block(0)["hash"].to_0x_hex() == told["genesis_hash"]
        assert asyncio.run(over_websocket(mock.doors["websocket"])) == (121212, 0)
        assert mock.ask("engine", "", {})[0] == 401
    with started("bitcoin", tmp_path / "bitcoin") as mock:
        bitcoin_calls(mock, 1, "stop")
        assert mock.process.wait(SECONDS) == 0


@pytest.mark.slow
def test_a_port_in_use_is_exit_3_and_named(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        for service, flag in (("bitcoin", "--rpc-port"), ("governance", "--grpc-port")):
            done = subprocess.run(
                [sys.executable, "-m", "alys", "mock", service, flag, str(port)],
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
                env={**_quiet(), "METRICS_PORT": "0", "ADMIN_PORT": "0"},
            )
            assert done.returncode == 3
            (line,) = done.stderr.splitlines()
            assert line.startswith(f"alys: cannot listen on 127.0.0.1:{port} for ")
            assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (["bitcon"], {}, "there is no service 'bitcon'; did you mean 'bitcoin'?"),
        (["x"], {}, "there is no service 'x' (services: bitcoin, ethereum, governance)"),
        (["bitcoin", "--grpc-port", "1"], {}, "--grpc-port is nothing for bitcoin; it is for gov"),
        (["bitcoin", "--rpc-port", "1.5"], {}, "--rpc-port: RPC_PORT = '1.5' cannot stand"),
        (["bitcoin"], {"RPC_PORT": "high"}, "environment variable RPC_PORT: RPC_PORT = 'high'"),
        (["ethereum"], {"ALYS_HOST": "0.0.0.0"}, "ENGINE_JWT_SECRET is not set"),
        (["governance"], {"RUST_LOG": "verbos"}, "allowed: error, warn, info"),
        ([], {}, "the following arguments are required: SERVICE"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_2(
    words: list[str], environment: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert front.main(["mock", *words], environment=environment) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert said in line
    assert signal.getsignal(signal.SIGTERM) is before
