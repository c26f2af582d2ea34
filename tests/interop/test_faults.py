"""Faults as other people's clients meet them: bitcoin-cli says of each what it says of a real node in that state, and so does cast."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from alys.base import faults
from alys.base.faults import AnyFault
from alys.config.services import BitcoinService, EthereumService
from alys.shells.bitcoin_mock import BitcoinMock
from alys.shells.ethereum_mock import EthereumMock
from tests import foreign
from tests.shells.mocks import Opened, settings, with_open

NOBODY = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202"
TIMEOUT_SECONDS = 2


async def run(program: str, *words: str) -> tuple[int, str, str]:
    """Exit code and what was said."""
    process = await asyncio.create_subprocess_exec(
        program, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), err.decode()


def beside_bitcoin(
    test: Callable[[Opened, Callable[..., Awaitable[Any]]], Awaitable[None]],
) -> None:
    program = foreign.program("bitcoin-cli")
    told = settings(BitcoinService)

    async def inside(service: Opened) -> None:
        port = service.doors["rpc"].rpartition(":")[2]
        words = ("-regtest", f"-rpcport={port}", "-rpcuser=alys", "-rpcpassword=regtest")

        async def cli(*call: str) -> tuple[int, str, str]:
            return await run(program, *words, f"-rpcclienttimeout={TIMEOUT_SECONDS}", *call)

        await test(service, cli)

    with_open(BitcoinMock(told), told, inside)


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (faults.Error(code=-28, message="Loading block index…", times=1), 28, "error code: -28"),
        (faults.Refuse(times=1), 1, "EOF reached"),
        (faults.Drop(after_bytes=5, times=1), 1, "Could not connect to the server"),
        (faults.Malformed(times=1), 1, "couldn't parse reply from server"),
        (faults.Malformed(form="truncated", times=1), 1, "couldn't parse reply from server"),
        (faults.Malformed(form="empty", times=1), 1, "no response from server"),
        (faults.Hang(times=1), 1, "timeout reached"),
    ],
    ids=lambda value: str(getattr(value, "kind", "")),
)
def test_bitcoin_cli_says_of_each_what_it_is(fault: AnyFault, code: int, words: str) -> None:
    async def test(service: Opened, cli: Any) -> None:
        await service.admin.inject(fault)
        found, out, err = await cli("getblockcount")
        assert (found, words in err, out) == (code, True, "")
        assert await cli("getblockcount") == (0, "0\n", "")
        assert [one.touched for one in await service.admin.injected()] == [1]

    beside_bitcoin(test)


def test_bitcoin_cli_sees_the_branches_of_a_reorg() -> None:
    async def test(service: Opened, cli: Any) -> None:
        await cli("generatetoaddress", "5", NOBODY)
        await service.admin.inject(faults.Reorg(depth=2))
        assert (await cli("getblockcount"))[1] == "6\n"
        tips = (await cli("getchaintips"))[1]
        assert '"status": "valid-fork"' in tips
        assert '"branchlen": 2' in tips

    beside_bitcoin(test)


def test_cast_waits_for_a_late_answer_and_shows_an_error() -> None:
    program = foreign.program("cast")
    told = settings(EthereumService)

    async def inside(service: Opened) -> None:
        url = ("--rpc-url", service.doors["http"])
        await service.admin.inject(faults.Latency(ms=300, calls=("eth_blockNumber",)))
        assert (await run(program, "block-number", *url))[:2] == (0, "0\n")
        await service.admin.inject(faults.Error(code=-32000, message="too much", calls=("eth_*",)))
        _, out, err = await run(program, "block-number", *url)
        assert (out, "error code -32000: too much" in err) == ("", True)
        assert [one.touched > 0 for one in await service.admin.injected()] == [True, True]

    with_open(EthereumMock(told), told, inside)
