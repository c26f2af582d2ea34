"""Looks at doors of services from outside, one short step after the other: name, port, protocol, secret.

Every look ends within a few seconds, raises nothing and changes nothing on the other side. Its words name no user, no
password and no token, because they end up in reports.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import grpc

from alys.base.seen import Seen, Trouble
from alys.node.errors import PortDown
from alys.shells import governance_questions
from alys.shells.jsonrpc_client import Basic, JsonRpcClient, Jwt
from alys.shells.service_admin import AdminDown, AdminRefused, ServiceAdmin
from alys.wire.jsonrpc import RpcError

STEP_SECONDS = 3.0
"""Wall time for each step; services in one cluster answer in milliseconds."""

Step = Callable[[], Awaitable[Seen]]


async def look(url: str, speak: Step, seconds: float = STEP_SECONDS) -> Seen:
    """Resolve the name, connect to the port, then ``speak``; the first step that fails is what was seen."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(seconds):
            found = await asyncio.get_running_loop().getaddrinfo(
                parts.hostname, port, type=socket.SOCK_STREAM
            )
    except TimeoutError:
        return Seen(Trouble.UNKNOWN_NAME, f"the name {parts.hostname} was not resolved in time")
    except (socket.gaierror, UnicodeError):
        return Seen(Trouble.UNKNOWN_NAME, f"the name {parts.hostname} is not known here")
    try:
        async with asyncio.timeout(seconds):
            await _connect([sockaddr[0] for *_, sockaddr in found], port)
    except ConnectionRefusedError:
        return Seen(Trouble.REFUSED, f"port {port} refuses connections")
    except TimeoutError:
        return Seen(Trouble.TIMED_OUT, f"no connection to port {port} within {seconds:g} s")
    except OSError as error:
        return Seen(Trouble.UNREACHABLE, error.strerror or type(error).__name__)
    try:
        async with asyncio.timeout(seconds):
            return await speak()
    except TimeoutError:
        return Seen(Trouble.TIMED_OUT, f"connected, but no answer within {seconds:g} s")


async def _connect(addresses: Sequence[str | int], port: int) -> None:
    """Connect to the first address that lets us. Else raises what one of them said: a refusal if there is one, for it says most.

    asyncio, given the name, would make one error of several that no longer says of what kind they were.
    """
    failures: list[OSError] = []
    for address in addresses:
        try:
            _, writer = await asyncio.open_connection(str(address), port)
        except OSError as error:
            failures.append(error)
        else:
            writer.close()
            return
    refused = [error for error in failures if isinstance(error, ConnectionRefusedError)]
    raise [*refused, *failures][0]


async def bitcoin(url: str, auth: Basic, seconds: float = STEP_SECONDS) -> Seen:
    """A Bitcoin node's JSON-RPC, with its user and password."""

    def judge(answer: Any) -> str:
        return f"{answer['chain']}, height {answer['blocks']}"

    return await look(url, _rpc(url, auth, "getblockchaininfo", judge), seconds)


async def ethereum(url: str, seconds: float = STEP_SECONDS) -> Seen:
    """An execution client's public JSON-RPC."""
    step = _rpc(url, None, "eth_chainId", lambda answer: f"chain {int(answer, 16)}")
    return await look(url, step, seconds)


async def engine(url: str, auth: Jwt, seconds: float = STEP_SECONDS) -> Seen:
    """The Engine API; asked for what it can do, which nothing but an Engine API answers."""

    def judge(answer: Any) -> str:
        return f"{len([name for name in answer if name.startswith('engine_')])} methods"

    step = _rpc(url, auth, "engine_exchangeCapabilities", judge, [])
    return await look(url, step, seconds)


async def governance(target: str, seconds: float = STEP_SECONDS) -> Seen:
    """A governance node's gRPC, ``host:port``, by its Health call, which needs no token."""

    async def speak() -> Seen:
        try:
            said = await governance_questions.health(target, seconds)
        except grpc.aio.AioRpcError as error:
            code = error.code()
            if code is grpc.StatusCode.DEADLINE_EXCEEDED:
                return Seen(
                    Trouble.TIMED_OUT, f"connected, but no answer to Health within {seconds:g} s"
                )
            return Seen(
                Trouble.OTHER_PROTOCOL, f"no answer to GovernanceStream/Health: {code.name}"
            )
        status = str(said.get("status", "no status"))
        trouble = Trouble.NONE if status == "HEALTH_STATUS_HEALTHY" else Trouble.UNWELL
        return Seen(trouble, f"Health says {status}")

    return await look(f"//{target}", speak, seconds)


async def admin(url: str, token: str, seconds: float = STEP_SECONDS) -> Seen:
    """The admin port of one of our services, by its state, with the token."""

    async def speak() -> Seen:
        try:
            await ServiceAdmin(url, token).state()
        except AdminRefused as error:
            if error.status == 401:
                return Seen(Trouble.WRONG_SECRET, "the token is refused (HTTP 401)")
            return Seen(Trouble.OTHER_PROTOCOL, f"HTTP {error.status} to /state")
        except AdminDown:
            return Seen(Trouble.OTHER_PROTOCOL, "the answer to /state is none of an admin port")
        return Seen(Trouble.NONE, "takes the token")

    return await look(url, speak, seconds)


def _rpc(
    url: str, auth: Basic | Jwt | None, method: str, judge: Callable[[Any], str], *params: Any
) -> Step:
    """One call; ``judge`` puts a right answer into words, and stumbles over any other."""

    async def speak() -> Seen:
        try:
            async with JsonRpcClient(url, auth) as client:
                answer = await client.call(method, *params)
            return Seen(Trouble.NONE, judge(answer))
        except PortDown as error:
            asked = error.reason.startswith(("HTTP 401", "HTTP 403"))
            if asked and auth is None:
                words = f"it asks for a secret, as an Engine API does ({error.reason[:8]})"
                return Seen(Trouble.OTHER_PROTOCOL, words)
            if asked:
                return Seen(Trouble.WRONG_SECRET, f"the secret is refused ({error.reason[:8]})")
            return Seen(Trouble.OTHER_PROTOCOL, f"no JSON-RPC answer to {method}")
        except RpcError as error:
            return Seen(Trouble.OTHER_PROTOCOL, f"{method} is refused with code {error.code}")
        except (KeyError, TypeError, ValueError, AttributeError):
            return Seen(Trouble.OTHER_PROTOCOL, f"another answer to {method} than it should have")

    return speak
