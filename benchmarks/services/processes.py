"""Both sides as processes, and the one client that asks both."""

import contextlib
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

ROOT = Path(__file__).resolve().parent.parent.parent
SECRETS = {
    "ADMIN_TOKEN": "measured",
    "BITCOIN_RPC_USER": "alys",
    "BITCOIN_RPC_PASSWORD": "regtest",
    "ENGINE_JWT_SECRET": "a1" * 32,
    "GOVERNANCE_TOKEN": "measured",
}
FREE_PORTS = dict.fromkeys(
    (
        *("RPC_PORT", "P2P_PORT", "HTTP_RPC_PORT", "WS_RPC_PORT", "ENGINE_PORT", "GRPC_PORT"),
        *("METRICS_PORT", "ADMIN_PORT"),
    ),
    "0",
)
SECONDS = 120.0
"""How long a side may take to end, or to answer once."""

IDLE_SECONDS = 2.0
"""A connection that was idle for longer may have been hung up on (Node's HTTP server does so after five)."""


class Failed(Exception):
    """A side did not start, or refused what both should take; the message says which and what it said."""


@contextlib.contextmanager
def ours(service: str, *flags: str) -> Iterator[dict[str, str]]:
    """``alys mock SERVICE`` on free ports; its doors by name."""
    environment = {**os.environ, **FREE_PORTS, **SECRETS, "RUST_LOG": "error"}
    command = [sys.executable, "-m", "alys", "mock", service, *flags]
    with child(command, environment) as process:
        doors: dict[str, str] = {}
        assert process.stdout is not None
        for line in process.stdout:
            name, url = line.decode().split()
            doors[name] = url
            if name == "metrics":
                break
        else:
            raise Failed(f"alys mock {service} ended with {process.wait()}")
        yield doors


@contextlib.contextmanager
def child(
    command: list[str], environment: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that ends with the block."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment, cwd=ROOT
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


class Rpc:
    """JSON-RPC over one connection. ``headers`` is asked before every call: a token may be short-lived."""

    def __init__(self, url: str, headers: Callable[[], Mapping[str, str]]) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=SECONDS)
        self._headers = headers
        self._url = url
        self._used_at = time.monotonic()

    def post(self, body: bytes) -> bytes:
        """The answer's bytes, whatever they say."""
        headers = {"Content-Type": "application/json", **self._headers()}
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            self._connection.close()  # the next request opens it anew
        self._used_at = time.monotonic()
        self._connection.request("POST", "/", body, headers)
        return self._connection.getresponse().read()

    def call(self, method: str, *params: object) -> Any:
        """The result. Raises Failed."""
        answer = msgspec.json.decode(self.post(body_of(method, *params)))
        if answer.get("error") is not None:
            raise Failed(f"{self._url}: {method}: {answer['error']}")
        return answer["result"]

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def body_of(method: str, *params: object) -> bytes:
    """A call's bytes."""
    told = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return msgspec.json.encode(told)
