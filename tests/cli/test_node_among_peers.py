"""``alys node --index``: three nodes with a process, a store and an execution client each, which only know each other's addresses."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.actors import loop as actors_loop
from alys.base.seen import Trouble
from alys.chain import spec_document
from alys.cli import front as cli
from alys.config.settings import Settings, WorldSettings
from alys.node.errors import PortDown
from alys.shells.http_probe import probe
from alys.shells.jsonrpc_client import JsonRpcClient
from alys.wire.jsonrpc import RpcError
from alys.worlds.attached import Endpoints
from alys.worlds.local import LocalWorld
from alys.worlds.network import GOVERNANCE_TOKEN
from alys.worlds.protocol import ScenarioInfo
from tests.shells.waiting import until

ROOT = Path(__file__).parents[2]
URLS = {
    "BITCOIN_RPC_URL": "http://127.0.0.1:9",
    "ETHEREUM_RPC_URL": "http://127.0.0.1:9",
    "ENGINE_API_URL": "http://127.0.0.1:9",
    "GOVERNANCE_ENDPOINTS": "http://127.0.0.1:9",
}


@asynccontextmanager
async def services(folder: Path) -> AsyncIterator[Endpoints]:
    """Of a federation of three; the specification is left in the folder."""
    settings = msgspec.structs.replace(Settings(), world=WorldSettings(nodes=3, time_scale=1.0))
    world = LocalWorld(settings, ScenarioInfo(name="x", seed=7, scratch=folder / "services"))
    world.dispatcher = actors_loop.LoopDispatcher(asyncio.get_running_loop(), time_scale=1.0)
    try:
        grounds, endpoints, _ = await world.provide()
        (folder / "spec.json").write_text(json.dumps(spec_document.write(grounds.spec)))
        yield endpoints
    finally:
        await world.stop_services()


def free_ports(count: int) -> list[int]:
    """Of this machine."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Node:
    """One of them."""

    def __init__(self, folder: Path, to: Endpoints, index: int, wires: list[int]) -> None:
        self.rpc, self.metrics = free_ports(2)
        ethereum = (to.ethereum_url, *to.further_ethereum_urls)[index]
        self._command = [
            *(sys.executable, "-m", "alys", "node", "--index", f"alys-node-{index}"),
            *("--peers", ",".join(f"127.0.0.1:{port}" for port in wires)),
            *("--listen", f"127.0.0.1:{wires[index]}", "--data-dir", str(folder / f"data-{index}")),
            *("--spec", str(folder / "spec.json"), "--rpc-port", str(self.rpc)),
            *("--metrics-port", str(self.metrics)),
            *("--bitcoin", to.bitcoin_url, "--ethereum", ethereum),
            *("--engine", to.engine_urls[index]),
            *("--governance", ",".join(f"http://{one}" for one in to.governance_targets)),
        ]
        self._environment = {
            **os.environ,  # noqa: TID251 - for a child process
            "PYTHONPATH": str(ROOT / "src"),
            "BITCOIN_RPC_USER": to.bitcoin.user,
            "BITCOIN_RPC_PASSWORD": to.bitcoin.password,
            "ENGINE_JWT_SECRET": to.engine.secret.hex(),
            "GOVERNANCE_TOKEN": GOVERNANCE_TOKEN,
        }
        self.process: asyncio.subprocess.Process

    async def start(self) -> None:
        """It says so once it answers."""
        self.process = await asyncio.create_subprocess_exec(
            *self._command, env=self._environment, stdout=asyncio.subprocess.PIPE
        )
        assert self.process.stdout is not None
        said = await asyncio.wait_for(self.process.stdout.readline(), 60)
        assert said.startswith(b"rpc "), said

    async def end(self, number: signal.Signals) -> int:
        """Its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 30)

    async def call(self, method: str) -> Any:
        """None while it is away."""
        async with JsonRpcClient(f"http://127.0.0.1:{self.rpc}") as client:
            try:
                return await client.call(method)
            except (PortDown, RpcError):
                return None

    async def reached(self, height: int) -> bool:
        """Whether it stands there."""
        status = await self.call("alys_status")
        return status is not None and status["height"] >= height


@pytest.mark.slow
def test_three_processes_are_a_federation_and_one_that_is_killed_takes_up_its_store(
    tmp_path: Path,
) -> None:
    async def live() -> None:
        async with AsyncExitStack() as stack:
            to = await stack.enter_async_context(services(tmp_path))
            wires = free_ports(3)
            nodes = [Node(tmp_path, to, index, wires) for index in range(3)]
            for node in nodes:
                await node.start()
                stack.push_async_callback(node.end, signal.SIGKILL)
            for node in nodes:
                await until(lambda: node.reached(2), 60)  # noqa: B023 - it is waited for here
            assert len(await nodes[0].call("alys_peers")) == 2
            for path in ("/health", "/ready"):
                seen = await probe(f"http://127.0.0.1:{nodes[1].metrics}", path)
                assert seen.trouble is Trouble.NONE, seen
            assert await nodes[2].end(signal.SIGKILL) == -signal.SIGKILL
            await nodes[2].start()
            await until(lambda: nodes[2].reached(4), 60)
            assert [await node.end(signal.SIGTERM) for node in nodes] == [0, 0, 0]

    asyncio.run(live())
    assert (tmp_path / "data-2" / "node-2" / "store").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--index", "1"], "--peers, --listen, --data-dir, --spec missing"),
        (["--peers", "a:1"], "--index, --listen, --data-dir, --spec missing"),
        (["--index", "one"], "--index 'one' cannot stand"),
        (["--index", "3"], "--index 3 cannot stand; allowed: 0 to 2"),
        (["--index", "x-1", "--peers", "a:1,b:2"], "--peers names 2 addresses"),
        (["--index", "1", "--listen", "3001"], "--listen '3001' cannot stand; allowed: HOST:PORT"),
        (["--index", "1", "--listen", "h:x"], "--listen 'x' cannot stand"),
        (["--metrics-port", "x"], "--metrics-port 'x' cannot stand"),
    ],
)
def test_what_cannot_be_is_told(
    words: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(spec_document.write(_spec())))
    rest = {
        "--peers": "a:1,b:2,c:3",
        "--listen": "127.0.0.1:0",
        "--data-dir": str(tmp_path / "data"),
        "--spec": str(spec),
    }
    whole = "missing" not in named and "--index" in words
    more = [
        word
        for flag, value in rest.items()
        if whole and flag not in words
        for word in (flag, value)
    ]
    assert cli.main(["node", *words, *more], environment=URLS) == 2
    assert named in capsys.readouterr().err


def _spec() -> Any:
    from alys.chain.spec import dev_spec

    return dev_spec(bytes(32))
