"""The Bitcoin service: sessions give fresh chains, and readiness is a call that its own port answers."""

from typing import Any

import pytest

from alys.base import faults
from alys.config.services import LOCAL_SECRETS, BitcoinService
from alys.shells.bitcoin_mock import BitcoinMock
from alys.shells.jsonrpc_client import Basic, JsonRpcClient
from alys.shells.service_admin import AdminRefused
from alys.shells.session import BitcoinSession, Session
from alys.wire.jsonrpc import RpcError
from tests.shells.mocks import Opened, settings, with_open

REGTEST_GENESIS = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
AUTH = Basic(user=LOCAL_SECRETS["BITCOIN_RPC_USER"], password=LOCAL_SECRETS["BITCOIN_RPC_PASSWORD"])
NOBODY = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202"
START = 1_700_000_000


def opened(run: Any) -> Any:
    told = settings(BitcoinService)
    return with_open(BitcoinMock(told), told, run)


async def call(service: Opened, method: str, *params: Any) -> Any:
    async with JsonRpcClient(service.doors["rpc"], AUTH) as client:
        return await client.call(method, *params)


def test_before_any_session_it_is_on_the_real_regtest_chain_and_ready() -> None:
    async def run(service: Opened) -> None:
        assert await call(service, "getbestblockhash") == REGTEST_GENESIS
        assert await service.probe("/ready") == (200, "ready\n")
        assert (await service.probe("/health"))[0] == 200
        assert "process_resident_memory_bytes" in (await service.probe("/metrics"))[1]

    opened(run)


def test_a_session_throws_the_chain_away_and_has_a_clock_of_its_own() -> None:
    async def run(service: Opened) -> None:
        await call(service, "generatetoaddress", 3, NOBODY)
        wanted = Session(name="run 1", now=START, time_scale=10)
        told = await service.admin.session(wanted, BitcoinSession)
        assert (told.name, told.network, told.height) == ("run 1", "regtest", 0)
        assert told.hash != REGTEST_GENESIS
        assert await call(service, "getblockcount") == 0
        header = await call(service, "getblockheader", told.hash)
        assert header["time"] == START
        state = await service.admin.state()
        assert (state["name"], state["hash"]) == ("run 1", told.hash)
        assert START <= state["now"] < START + 600
        again = await service.admin.session(wanted, BitcoinSession)
        assert again.hash == told.hash, "the same start gives the same genesis"

    opened(run)


def test_a_session_that_cannot_be_leaves_the_chain_as_it_was() -> None:
    async def run(service: Opened) -> None:
        await call(service, "generatetoaddress", 1, NOBODY)
        with pytest.raises(AdminRefused, match="time_scale"):
            await service.admin.session(Session(name="a", time_scale=0), BitcoinSession)
        assert await call(service, "getblockcount") == 1

    opened(run)


def test_its_faults_are_for_its_callers_and_not_for_its_probe() -> None:
    async def run(service: Opened) -> None:
        (number,) = await service.admin.inject(faults.Error(calls=("getblockchaininfo",), code=-28))
        assert (await service.probe("/ready"))[0] == 200
        with pytest.raises(RpcError, match="-28"):
            await call(service, "getblockchaininfo")
        assert (await service.admin.lift(number)).touched == 1
        line = 'alys_fault_touched_total{kind="error",service="bitcoin"} 1.0'
        assert line in (await service.probe("/metrics"))[1].splitlines()
        with pytest.raises(AdminRefused, match="governance has it"):
            await service.admin.inject(faults.Unhealthy())

    opened(run)


def test_a_reorg_replaces_blocks_and_a_wrong_clock_shows_in_the_next() -> None:
    async def run(service: Opened) -> None:
        await service.admin.session(Session(name="a", now=1_800_000_000), BitcoinSession)
        old = await call(service, "generatetoaddress", 3, NOBODY)
        await service.admin.inject(faults.Reorg(depth=2))
        assert await call(service, "getblockcount") == 4
        assert await call(service, "getblockhash", 1) == old[0]
        assert await call(service, "getblockhash", 2) != old[1]
        await service.admin.inject(faults.ClockSkew(seconds=7000))
        assert (await service.admin.state())["now"] >= 1_800_007_000
        with pytest.raises(AdminRefused, match="4 blocks stand"):
            await service.admin.inject(faults.Latency(ms=1), faults.Reorg(depth=9))
        noted = await service.admin.injected()
        assert [(one.fault.kind, one.touched) for one in noted] == [("reorg", 2), ("clock_skew", 0)]
        await service.admin.session(Session(name="b"), BitcoinSession)
        assert await service.admin.injected() == ()

    opened(run)


def test_the_call_stop_ends_the_process() -> None:
    async def run(service: Opened) -> None:
        assert not service.ended.is_set()
        await call(service, "stop")
        assert service.ended.is_set()

    opened(run)


def test_it_is_not_ready_when_its_port_does_not_answer() -> None:
    told = settings(BitcoinService)
    mock = BitcoinMock(told)

    async def run(service: Opened) -> tuple[int, str]:
        await mock.closers[0]()  # the first door is the node's own
        return await service.probe("/ready")

    status, reason = with_open(mock, told, run)
    assert status == 503
    assert reason.startswith("getblockchaininfo: ")
