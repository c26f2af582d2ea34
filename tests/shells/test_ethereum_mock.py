"""The execution client as a service: three ports on one chain, and a fresh chain with each session."""

from typing import Any

import aiohttp
import pytest

from alys.base import faults
from alys.config.services import LOCAL_SECRETS, EthereumService
from alys.models.ethereum.genesis import dev_genesis
from alys.models.ethereum.node import EthereumNode
from alys.shells import jsonrpc_websocket
from alys.shells.ethereum_mock import EthereumMock
from alys.shells.jsonrpc_client import JsonRpcClient, Jwt
from alys.shells.session import EthereumSession, Session
from alys.wire.jsonrpc import RpcError
from tests.shells.mocks import Opened, settings, with_open
from tests.shells.waiting import until

JWT = Jwt(secret=bytes.fromhex(LOCAL_SECRETS["ENGINE_JWT_SECRET"]))
START = 1_700_000_000
ZERO = "0x" + "00" * 32


def opened(run: Any) -> Any:
    told = settings(EthereumService)
    return with_open(EthereumMock(told), told, run)


async def call(service: Opened, door: str, method: str, *params: Any) -> Any:
    auth = JWT if door == "engine" else None
    async with JsonRpcClient(service.doors[door], auth) as client:
        return await client.call(method, *params)


async def build(service: Opened, timestamp: int) -> None:
    """One empty block, by the Engine API."""
    head = await call(service, "http", "eth_getBlockByNumber", "latest", False)
    state = {"headBlockHash": head["hash"], "safeBlockHash": ZERO, "finalizedBlockHash": ZERO}
    attributes = {
        "timestamp": hex(timestamp),
        "prevRandao": ZERO,
        "suggestedFeeRecipient": "0x" + "00" * 20,
        "withdrawals": [],
    }
    begun = await call(service, "engine", "engine_forkchoiceUpdatedV2", state, attributes)
    made = await call(service, "engine", "engine_getPayloadV2", begun["payloadId"])
    payload = made["executionPayload"]
    assert (await call(service, "engine", "engine_newPayloadV2", payload))["status"] == "VALID"
    state["headBlockHash"] = payload["blockHash"]
    await call(service, "engine", "engine_forkchoiceUpdatedV2", state, None)


def test_three_ports_show_one_chain() -> None:
    async def run(service: Opened) -> None:
        await service.admin.session(Session(name="run 1", now=START), EthereumSession)
        await build(service, START + 2)
        url = service.doors["websocket"]
        assert await call(service, "http", "eth_blockNumber") == "0x1"
        assert await call(service, "engine", "eth_blockNumber") == "0x1"
        assert await jsonrpc_websocket.ask(url, "eth_blockNumber", 20) == "0x1"

    opened(run)


def test_a_session_is_a_genesis_that_anybody_can_make_again() -> None:
    async def run(service: Opened) -> tuple[EthereumSession, Any]:
        await service.admin.session(Session(name="run 1", now=START - 100), EthereumSession)
        await build(service, START)
        told = await service.admin.session(Session(name="run 2", now=START), EthereumSession)
        assert await call(service, "http", "eth_blockNumber") == "0x0"
        return told, await service.admin.state()

    told, state = opened(run)
    genesis = EthereumNode(dev_genesis(START), lambda: START).handle(
        "eth_getBlockByNumber", ["0x0", False]
    )
    assert told == EthereumSession(
        name="run 2", chain_id=121212, genesis_time=START, genesis_hash=genesis["hash"]
    )
    assert (state["name"], state["height"], state["hash"]) == ("run 2", 0, genesis["hash"])


@pytest.mark.parametrize(
    ("closed", "reason"),
    [
        (0, "eth_chainId: "),
        (1, "eth_chainId over WebSocket: "),
        (2, "engine_exchangeCapabilities: "),
    ],
)
def test_it_is_ready_only_while_each_of_its_ports_answers(closed: int, reason: str) -> None:
    told = settings(EthereumService)
    mock = EthereumMock(told)

    async def run(service: Opened) -> tuple[int, str]:
        assert await service.probe("/ready") == (200, "ready\n")
        await mock.closers[closed]()
        return await service.probe("/ready")

    status, said = with_open(mock, told, run)
    assert status == 503
    assert said.startswith(reason)


def test_faults_are_met_at_every_door_and_the_probe_is_spared() -> None:
    async def run(service: Opened) -> None:
        await service.admin.inject(faults.Error(calls=("eth_*", "engine_*"), code=-32000))
        for door, method in (("http", "eth_chainId"), ("engine", "engine_getPayloadV2")):
            with pytest.raises(RpcError, match="ordered fault"):
                await call(service, door, method, "0x00")
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(service.doors["websocket"]) as socket,
        ):
            await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"})
            assert (await socket.receive_json(timeout=20))["error"]["code"] == -32000
        assert (await service.probe("/ready"))[0] == 200
        assert [one.touched for one in await service.admin.injected()] == [3]

    opened(run)


def test_a_reorg_replaces_blocks_and_a_session_takes_faults_back() -> None:
    async def run(service: Opened) -> None:
        await service.admin.session(Session(name="run 1", now=START), EthereumSession)
        for number in (1, 2):
            await build(service, START + 2 * number)
        await service.admin.inject(faults.Reorg(depth=2), faults.ClockSkew(seconds=-50))
        assert await call(service, "http", "eth_blockNumber") == "0x3"
        assert (await service.admin.state())["now"] < START
        await service.admin.session(Session(name="run 2", now=START), EthereumSession)
        assert await service.admin.injected() == ()
        assert (await service.admin.state())["now"] >= START

    opened(run)


def development(run: Any, **environment: str) -> Any:
    told = settings(EthereumService, DEV_ACCOUNTS="2", **environment)
    return with_open(EthereumMock(told), told, run)


async def pay(service: Opened) -> str:
    payer, payee = await call(service, "http", "eth_accounts")
    sent = {"from": payer, "to": payee, "value": "0x1"}
    return str(await call(service, "http", "eth_sendTransaction", sent))


def test_a_transaction_of_a_funded_account_is_mined_at_once_while_nobody_drives() -> None:
    async def run(service: Opened) -> None:
        for account in await call(service, "http", "eth_accounts"):
            wei = await call(service, "http", "eth_getBalance", account, "latest")
            assert int(wei, 16) == 10_000 * 10**18
        tx = await pay(service)
        receipt = await call(service, "http", "eth_getTransactionReceipt", tx)
        assert receipt["blockNumber"] == "0x1"
        head = await call(service, "http", "eth_getBlockByNumber", "latest", False)
        await build(service, int(head["timestamp"], 16) + 2)
        tx = await pay(service)
        assert await call(service, "http", "eth_getTransactionReceipt", tx) is None

    development(run)


def test_without_development_methods_it_is_an_ordinary_client() -> None:
    async def run(service: Opened) -> None:
        tx = await pay(service)
        assert await call(service, "http", "eth_getTransactionReceipt", tx) is None
        with pytest.raises(RpcError, match="does not exist/is not available"):
            await call(service, "http", "evm_mine")

    development(run, DEV_METHODS="off")


def test_with_an_interval_blocks_come_by_themselves_until_a_session_ends_it() -> None:
    async def run(service: Opened) -> None:
        await service.admin.session(Session(name="quick", time_scale=100), EthereumSession)
        await call(service, "http", "evm_setIntervalMining", 3)

        async def grown() -> bool:
            return int(await call(service, "http", "eth_blockNumber"), 16) >= 3

        await until(grown)
        await service.admin.session(Session(name="next", time_scale=100), EthereumSession)
        assert await call(service, "http", "anvil_getIntervalMining") is None
        assert await call(service, "http", "eth_blockNumber") == "0x0"

    development(run)


def test_subscribers_hear_of_blocks_and_are_hung_up_on_by_a_new_session() -> None:
    async def run(service: Opened) -> None:
        asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(service.doors["websocket"]) as socket,
        ):
            await socket.send_json(asked)
            name = (await socket.receive_json(timeout=20))["result"]
            await pay(service)
            told = (await socket.receive_json(timeout=20))["params"]
            assert (told["subscription"], told["result"]["number"]) == (name, "0x1")
            await service.admin.session(Session(name="next"), EthereumSession)
            assert (await socket.receive(timeout=20)).type is aiohttp.WSMsgType.CLOSE

    development(run)
