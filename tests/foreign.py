"""Real nodes for tests: bitcoind and @ethereumjs/client as processes on this machine's loopback, in folders of their own.

A test that asks for one skips, with a reason that names it, where it is not on PATH; ``.ci/foreign FOLDER`` brings all
of them (and ``bitcoin-cli`` and ``cast``) into ``FOLDER/bin``.
"""

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

START_SECONDS = 60.0
END_SECONDS = 20.0
LOOK_SECONDS = 0.05


class Bitcoind(msgspec.Struct, frozen=True, kw_only=True):
    """A bitcoind on regtest."""

    url: str
    user: str
    password: str
    p2p: str | None
    """``host:port``, None where it listens to no peers."""
    folder: Path
    process: "subprocess.Popen[bytes]"

    def call(self, method: str, *params: object) -> Any:
        """The result of one call; an error raises AssertionError with what was said."""
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return ask(self.url, method, params, {"Authorization": f"Basic {token}"})


class EthereumJs(msgspec.Struct, frozen=True, kw_only=True):
    """An execution client of other people's making."""

    url: str
    websocket_url: str
    engine_url: str
    jwt_secret: bytes
    folder: Path
    process: "subprocess.Popen[bytes]"

    def call(self, method: str, *params: object) -> Any:
        """The result of one public call; an error raises AssertionError with what was said."""
        return ask(self.url, method, params)


def program(name: str) -> str:
    """The path of a program; skips the test where there is none."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on PATH: run .ci/foreign FOLDER and put FOLDER/bin on PATH")
    return found


def ask(
    url: str, method: str, params: Sequence[object] = (), headers: Mapping[str, str] | None = None
) -> Any:
    """One JSON-RPC call; raises AssertionError for an error answer, OSError where nobody answers."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
    told = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, body.encode(), told)
    try:
        with urllib.request.urlopen(request, timeout=60) as got:
            answer = json.loads(got.read())
    except urllib.error.HTTPError as error:
        said = error.read()
        told_error = {"error": f"HTTP {error.code}"}
        answer = json.loads(said) if said.startswith(b"{") else told_error
    assert answer.get("error") is None, f"{method}: {answer['error']}"
    return answer["result"]


@contextlib.contextmanager
def bitcoind(folder: Path, *words: str, listen: bool = False) -> Iterator[Bitcoind]:
    """A bitcoind that answers; ``words`` are more arguments, later ones win. With ``listen`` peers may come.

    ``folder`` is its data directory, made where it is not there, so a second start goes on with the first one's chain.
    """
    path = program("bitcoind")
    folder.mkdir(parents=True, exist_ok=True)
    rpc, p2p = free_port(), free_port()
    user, password = "alys", "regtest"
    command = [path, "-regtest", f"-datadir={folder}", "-server=1", "-printtoconsole=0"]
    command += [f"-rpcport={rpc}", "-rpcbind=127.0.0.1", "-rpcallowip=127.0.0.1"]
    command += [f"-rpcuser={user}", f"-rpcpassword={password}", "-fallbackfee=0.0001", "-txindex=1"]
    command += ["-discover=0", "-dnsseed=0", "-fixedseeds=0", "-listenonion=0", "-natpmp=0"]
    command += [f"-bind=127.0.0.1:{p2p}", "-listen=1"] if listen else ["-listen=0"]
    with _process([*command, *words], folder) as process:
        node = Bitcoind(
            url=f"http://127.0.0.1:{rpc}",
            user=user,
            password=password,
            p2p=f"127.0.0.1:{p2p}" if listen else None,
            folder=folder,
            process=process,
        )
        _until_it_answers(process, folder, lambda: node.call("getblockcount"))
        yield node


@contextlib.contextmanager
def ethereumjs(
    folder: Path, genesis: Mapping[str, Any], *words: str, jwt_secret: bytes = b"\xa1" * 32
) -> Iterator[EthereumJs]:
    """An @ethereumjs/client on a geth-style genesis, driven over the Engine API; it talks to no peers."""
    path = program("ethereumjs")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "genesis.json").write_text(json.dumps(genesis))
    (folder / "jwt").write_text(jwt_secret.hex())
    public, websocket, engine, engine_websocket, peers = (free_port() for _ in range(5))
    command = [path, f"--gethGenesis={folder / 'genesis.json'}", f"--dataDir={folder / 'data'}"]
    command += ["--rpc", "--rpcAddr=127.0.0.1", f"--rpcPort={public}"]
    command += ["--ws", "--wsAddr=127.0.0.1", f"--wsPort={websocket}"]
    command += ["--rpcEngine", "--rpcEngineAddr=127.0.0.1", f"--rpcEnginePort={engine}"]
    command += ["--wsEngineAddr=127.0.0.1", f"--wsEnginePort={engine_websocket}"]
    command += [f"--jwtSecret={folder / 'jwt'}", "--isSingleNode", "--maxPeers=0", "--sync=none"]
    command += [f"--port={peers}", "--extIP=127.0.0.1", "--discV4=false", "--discDns=false"]
    command += [f"--logFile={folder / 'log'}", "--logRotate=false", "--pruneEngineCache=false"]
    with _process([*command, *words], folder) as process:
        node = EthereumJs(
            url=f"http://127.0.0.1:{public}",
            websocket_url=f"ws://127.0.0.1:{websocket}",
            engine_url=f"http://127.0.0.1:{engine}",
            jwt_secret=jwt_secret,
            folder=folder,
            process=process,
        )
        _until_it_answers(process, folder, lambda: node.call("eth_chainId"))
        yield node


@contextlib.contextmanager
def _process(command: Sequence[str], folder: Path) -> "Iterator[subprocess.Popen[bytes]]":
    with (folder / "said.txt").open("wb") as said:
        # What a program leaves where it was started (ethereumjs a log file) lies in its folder.
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _until_it_answers(
    process: "subprocess.Popen[bytes]", folder: Path, probe: Callable[[], Any]
) -> None:
    end = time.monotonic() + START_SECONDS  # noqa: TID251 - of a real process
    while True:
        with contextlib.suppress(OSError, AssertionError):
            probe()
            return
        tail = (folder / "said.txt").read_text(errors="replace")[-2000:]
        assert process.poll() is None, f"it ended with {process.returncode}: {tail}"
        assert time.monotonic() < end, f"no answer after {START_SECONDS} s: {tail}"  # noqa: TID251
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_SECONDS)


def free_port() -> int:
    """A port that nobody listened on just now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
