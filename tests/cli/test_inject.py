"""``alys inject``, typed, against a real service: what it orders, shows and refuses, and its exit codes."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from alys.cli import front
from alys.config.services import BitcoinService
from alys.shells.bitcoin_mock import BitcoinMock
from alys.shells.jsonrpc_client import Basic, JsonRpcClient
from tests.shells import doors
from tests.shells.mocks import Opened, settings, with_open

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def beside(capsys: pytest.CaptureFixture[str]) -> Callable[[Any], Any]:
    """Run a coroutine beside an open Bitcoin service; it gets the service, and a command that is typed at it."""

    def beside_service(run: Any) -> Any:
        async def inside(service: Opened) -> Any:
            async def typed(*arguments: str, **environment: str) -> tuple[int, str, str]:
                line = ["inject", *arguments, "--admin-url", service.doors["admin"]]
                code = await asyncio.to_thread(front.main, line, environment=environment)
                return (code, *capsys.readouterr())

            return await run(service, typed)

        told = settings(BitcoinService)
        return with_open(BitcoinMock(told), told, inside)

    return beside_service


async def getblockcount(service: Opened) -> Any:
    async with JsonRpcClient(
        service.doors["rpc"], Basic(user="alys", password="regtest")
    ) as client:
        return await client.call("getblockcount")


def test_a_fault_is_ordered_listed_removed_and_cleared(beside: Callable[[Any], Any]) -> None:
    async def run(service: Opened, typed: Any) -> None:
        words = ("latency", "--ms", "2", "--calls", "getblockcount,getblock*", "--times", "3")
        code, out, _ = await typed("bitcoin", *words)
        line = "bitcoin: 1  latency times=3 calls=getblockcount,getblock* ms=2  on, touched 0, 3 left\n"
        assert (code, out) == (0, line)
        await getblockcount(service)
        assert (await typed("bitcoin", "list"))[1].endswith("on, touched 1, 2 left\n")
        code, out, _ = await typed("bitcoin", "remove", "1", "-o", "json")
        assert (code, json.loads(out)["faults"][0]["ended"]) == (0, "removed")
        assert (await typed("bitcoin", "clear"))[1].endswith("ended (removed), touched 1\n")
        assert (await typed("bitcoin", "list"))[1] == "bitcoin: no faults\n"

    beside(run)


def test_a_reorg_is_done_at_once_and_told_as_json(beside: Callable[[Any], Any]) -> None:
    async def run(service: Opened, typed: Any) -> None:
        async with JsonRpcClient(
            service.doors["rpc"], Basic(user="alys", password="regtest")
        ) as client:
            nobody = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202"
            await client.call("generatetoaddress", 3, nobody)
        words = ("bitcoin", "reorg", "--depth", "2", "--empty", "--wait-bite", "5", "-o", "json")
        code, out, _ = await typed(*words)
        assert code == 0
        assert json.loads(out) == {
            "service": "bitcoin",
            "faults": [
                {
                    "id": 1,
                    "fault": {"kind": "reorg", "depth": 2, "empty": True},
                    "touched": 2,
                    "left": None,
                    "ended": "done",
                }
            ],
        }
        assert await getblockcount(service) == 4

    beside(run)


def test_it_waits_for_the_bite(beside: Callable[[Any], Any]) -> None:
    async def run(service: Opened, typed: Any) -> None:
        waits = asyncio.get_running_loop().create_task(
            typed("bitcoin", "latency", "--ms", "1", "--wait-bite", "30")
        )
        while not waits.done():
            await getblockcount(service)
        code, out, _ = await waits
        assert code == 0
        assert "touched 0" not in out

    beside(run)


def test_what_touched_nothing_is_exit_4(beside: Callable[[Any], Any]) -> None:
    async def run(service: Opened, typed: Any) -> None:
        code, out, err = await typed("bitcoin", "hang", "--wait-bite", "0.05")
        assert (code, out) == (4, "")
        assert "the fault 1 (hang) touched nothing in 0.05 s" in err

    beside(run)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("bitcoin", "latncy"), "did you mean 'latency'"),
        (("bitcoin", "hang", "--ms", "3"), "the fault hang: Object contains unknown field `ms`"),
        (("bitcoin", "latency", "--ms", "nan"), "the fault latency"),
        (("bitcoin", "error", "--code", "BUSY"), "the code must be a number"),
        (("bitcoin", "unhealthy"), "governance has it"),
        (("bitcoin", "hang", "--calls", "getblok"), "no call 'getblok'"),
        (("bitcoin", "reorg", "--depth", "5"), "0 blocks stand"),
        (("bitcoin", "remove"), "remove ID"),
        (("bitcoin", "remove", "7"), "there is no fault 7"),
        (("bitcoin", "hang", "7"), "remove ID"),
        (("bitcoin", "list", "--ms", "3"), "list takes no figures"),
        (("bitcon", "hang"), "no service 'bitcon'"),
        (("bitcoin", "hang", "--times", "often"), "--times"),
    ],
)
def test_what_cannot_be_is_exit_2_and_changes_nothing(
    beside: Callable[[Any], Any], words: tuple[str, ...], reason: str
) -> None:
    async def run(service: Opened, typed: Any) -> None:
        code, out, err = await typed(*words)
        assert (code, out) == (2, "")
        assert reason in err
        assert await service.admin.injected() == ()

    beside(run)


def test_another_service_or_token_is_exit_3(beside: Callable[[Any], Any]) -> None:
    async def run(service: Opened, typed: Any) -> None:
        code, _, err = await typed("ethereum", "hang")
        assert code == 3
        assert "is a bitcoin service, not ethereum" in err
        code, _, err = await typed("bitcoin", "hang", ADMIN_TOKEN="other-token")
        assert code == 3
        assert "set ADMIN_TOKEN" in err
        assert "other-token" not in err
        assert await service.admin.injected() == ()

    beside(run)


def test_nobody_there_is_exit_3(capsys: pytest.CaptureFixture[str]) -> None:
    with doors.closed() as url:
        assert front.main(["inject", "bitcoin", "list", "--admin-url", url], environment={}) == 3
    assert url in capsys.readouterr().err


def test_an_address_that_is_none_is_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["inject", "bitcoin", "list", "--admin-url", "localhost:9101"]
    assert front.main(line, environment={}) == 2
    assert "--admin-url" in capsys.readouterr().err
