"""Each way in which a door is not good is told from the others, on real sockets, and no secret is in the words."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from alys.base.seen import Seen, Trouble
from alys.config.services import (
    LOCAL_SECRETS,
    BitcoinService,
    EthereumService,
    GovernanceService,
)
from alys.shells import service_probe
from alys.shells.bitcoin_mock import BitcoinMock
from alys.shells.ethereum_mock import EthereumMock
from alys.shells.governance_mock import GovernanceMock
from alys.shells.jsonrpc_client import Basic, Jwt
from tests.shells import doors
from tests.shells.mocks import ADMIN_TOKEN, Opened, settings, with_open

USER = Basic(user=LOCAL_SECRETS["BITCOIN_RPC_USER"], password=LOCAL_SECRETS["BITCOIN_RPC_PASSWORD"])
STRANGER = Basic(user="alys", password="not-the-password")
JWT = Jwt(secret=bytes.fromhex(LOCAL_SECRETS["ENGINE_JWT_SECRET"]))
OTHER_JWT = Jwt(secret=bytes(32))

LOOKS: dict[str, Callable[[str, float], Awaitable[Seen]]] = {
    "bitcoin": lambda url, seconds: service_probe.bitcoin(url, USER, seconds),
    "ethereum": service_probe.ethereum,
    "engine": lambda url, seconds: service_probe.engine(url, JWT, seconds),
    "governance": lambda url, seconds: service_probe.governance(
        url.removeprefix("http://"), seconds
    ),
    "admin": lambda url, seconds: service_probe.admin(url, "any", seconds),
}
SECONDS = 10.0
SHORT_SECONDS = 0.1


async def bitcoin(service: Opened) -> None:
    rpc, admin = service.doors["rpc"], service.doors["admin"]
    good = await service_probe.bitcoin(rpc, USER, SECONDS)
    assert good == Seen(Trouble.NONE, "regtest, height 0")
    wrong = await service_probe.bitcoin(rpc, STRANGER, SECONDS)
    assert wrong == Seen(Trouble.WRONG_SECRET, "the secret is refused (HTTP 401)")
    assert await service_probe.admin(admin, ADMIN_TOKEN, SECONDS) == Seen(
        Trouble.NONE, "takes the token"
    )
    wrong = await service_probe.admin(admin, "not-the-token", SECONDS)
    assert wrong == Seen(Trouble.WRONG_SECRET, "the token is refused (HTTP 401)")
    seen = await service_probe.ethereum(service.doors["metrics"], SECONDS)
    assert seen == Seen(Trouble.OTHER_PROTOCOL, "no JSON-RPC answer to eth_chainId")
    seen = await service_probe.admin(service.doors["metrics"], ADMIN_TOKEN, SECONDS)
    assert seen == Seen(Trouble.OTHER_PROTOCOL, "HTTP 404 to /state")


def test_a_bitcoin_node_by_its_chain_and_its_secrets() -> None:
    told = settings(BitcoinService)
    with_open(BitcoinMock(told), told, bitcoin)


async def ethereum(service: Opened) -> None:
    public, door = service.doors["http"], service.doors["engine"]
    assert (await service_probe.ethereum(public, SECONDS)).trouble is Trouble.NONE
    assert (await service_probe.engine(door, JWT, SECONDS)).trouble is Trouble.NONE
    seen = await service_probe.engine(door, OTHER_JWT, SECONDS)
    assert seen.trouble is Trouble.WRONG_SECRET
    seen = await service_probe.ethereum(door, SECONDS)
    words = "it asks for a secret, as an Engine API does (HTTP 401)"
    assert seen == Seen(Trouble.OTHER_PROTOCOL, words)
    seen = await service_probe.engine(public, JWT, SECONDS)
    assert seen.trouble is Trouble.OTHER_PROTOCOL
    assert "engine_exchangeCapabilities is refused" in seen.words
    seen = await service_probe.bitcoin(public, USER, SECONDS)
    assert seen.trouble is Trouble.OTHER_PROTOCOL


def test_the_public_port_and_the_engine_port_are_not_taken_for_each_other() -> None:
    told = settings(EthereumService)
    with_open(EthereumMock(told), told, ethereum)


async def governance(service: Opened) -> None:
    target = service.doors["grpc"]
    good = await service_probe.governance(target, SECONDS)
    assert good == Seen(Trouble.NONE, "Health says HEALTH_STATUS_HEALTHY")
    await service.admin.faults(unhealthy=True)
    sick = await service_probe.governance(target, SECONDS)
    assert sick == Seen(Trouble.UNWELL, "Health says HEALTH_STATUS_UNHEALTHY")
    other = service.doors["metrics"].removeprefix("http://")
    assert (await service_probe.governance(other, SECONDS)).trouble is Trouble.OTHER_PROTOCOL


def test_a_governance_node_by_its_health() -> None:
    told = settings(GovernanceService)
    with_open(GovernanceMock(told), told, governance)


@pytest.mark.parametrize("kind", LOOKS)
def test_a_port_that_nobody_listens_on_refuses(kind: str) -> None:
    with doors.closed() as url:
        seen = asyncio.run(_seen(kind, url, SECONDS))
    assert seen == Seen(Trouble.REFUSED, f"port {url.rpartition(':')[2]} refuses connections")


RESOLVED = "192.0.2.1", "127.0.0.1", "127.0.0.2"


@pytest.mark.parametrize(
    ("errors", "seen"),
    [
        ([OSError(113, "No route to host")], Seen(Trouble.UNREACHABLE, "No route to host")),
        (
            [OSError(101, "Network is unreachable"), ConnectionRefusedError(111, "Connect call failed")],
            Seen(Trouble.REFUSED, "port 80 refuses connections"),
        ),
        ([TimeoutError(110, "timed out")], Seen(Trouble.TIMED_OUT, "no connection to port 80 within 10 s")),
    ],
)  # fmt: skip
def test_a_name_with_several_addresses_is_judged_by_what_says_most(
    errors: list[OSError], seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(*_: object, **__: object) -> object:
        return [(2, 1, 6, "", (address, 80)) for address in RESOLVED[: len(errors)]]

    async def connect(address: str, _: int) -> None:
        raise errors[RESOLVED.index(address)]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", resolve)
    monkeypatch.setattr(asyncio, "open_connection", connect)
    assert asyncio.run(service_probe.ethereum("http://two.example:80", SECONDS)) == seen


@pytest.mark.parametrize("kind", LOOKS)
def test_a_name_that_does_not_exist_is_unknown(kind: str) -> None:
    seen = asyncio.run(_seen(kind, doors.UNKNOWN, SECONDS))
    assert seen.trouble is Trouble.UNKNOWN_NAME
    assert seen.words.startswith("the name nowhere.invalid ")


@pytest.mark.parametrize("kind", LOOKS)
def test_a_port_that_speaks_something_else_is_another_protocol(kind: str) -> None:
    async def life() -> Seen:
        async with doors.speaking(b"SSH-2.0-OpenSSH_9.7\r\n") as url:
            return await _seen(kind, url, SECONDS)

    assert asyncio.run(life()).trouble is Trouble.OTHER_PROTOCOL


@pytest.mark.parametrize("kind", LOOKS)
def test_a_port_that_says_nothing_is_timed_out(kind: str) -> None:
    async def life() -> Seen:
        async with doors.speaking(b"") as url:
            return await _seen(kind, url, SHORT_SECONDS)

    seen = asyncio.run(life())
    assert seen.trouble is Trouble.TIMED_OUT
    assert seen.words.startswith("connected, but no answer")


def test_a_right_answer_of_a_wrong_form_is_another_protocol() -> None:
    body = b'{"jsonrpc": "2.0", "id": 1, "result": ["no number"]}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"

    async def life() -> Seen:
        async with doors.speaking(head % len(body) + body) as url:
            return await service_probe.ethereum(url, SECONDS)

    words = "another answer to eth_chainId than it should have"
    assert asyncio.run(life()) == Seen(Trouble.OTHER_PROTOCOL, words)


async def _seen(kind: str, url: str, seconds: float) -> Seen:
    return await LOOKS[kind](url, seconds)
