"""A real execution client in the place of ours: where its chain stands, and clients of ours that have the same chain (D10).

The co-signing authorities have clients of their own, which must hold every block that the chain starts from. They are made from the
real client's genesis and given its blocks, one after the other, and execute them all.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from alys.base.errors import EnvironmentFailure, UsageError
from alys.chain.blocks import payload_from_rpc_block
from alys.models.ethereum.genesis import DEV_CHAIN_ID, dev_genesis
from alys.models.ethereum.node import EthereumNode
from alys.node.errors import PortDown
from alys.shells.jsonrpc_client import JsonRpcClient, Jwt
from alys.wire import ethereum
from alys.wire.engine import ExecutionPayload, ForkchoiceState
from alys.wire.jsonrpc import RpcError

BODIES_PER_CALL = 32
"""The least that every client must answer at once (Engine API, Shanghai)."""

BODIES = "engine_getPayloadBodiesByRangeV1"


class ExecutionAnchor(msgspec.Struct, frozen=True, kw_only=True):
    """An execution client as it was found. The chain starts from its head."""

    url: str
    engine_url: str
    jwt: Jwt
    genesis_hash: str
    genesis_time: int
    number: int
    hash: bytes
    timestamp: int
    software: str

    @property
    def about(self) -> dict[str, object]:
        """For the report."""
        return {
            "url": self.url,
            "engine_url": self.engine_url,
            "software": self.software,
            "number": self.number,
            "hash": ethereum.to_data(self.hash),
        }


async def anchor_execution(url: str, engine_url: str, jwt: Jwt) -> ExecutionAnchor:
    """Look at the client through both of its doors.

    Raises UsageError for a chain that is none of ours, EnvironmentFailure for a client that does not answer, lets us not in, or lacks
    the bridge contract.
    """
    async with JsonRpcClient(url) as client, JsonRpcClient(engine_url, jwt) as engine:
        try:
            return await _look(client, engine, jwt)
        except PortDown as error:
            hint = (
                "is ENGINE_JWT_SECRET the client's?"
                if error.reason.startswith("HTTP 401")
                else "is the client up?"
            )
            raise EnvironmentFailure(f"the execution client: {error}: {hint}") from error
        except RpcError as error:
            raise EnvironmentFailure(f"the execution client at {url} refused: {error}") from error


async def _look(client: JsonRpcClient, engine: JsonRpcClient, jwt: Jwt) -> ExecutionAnchor:
    chain_id = ethereum.from_quantity(await client.call("eth_chainId"))
    if chain_id != DEV_CHAIN_ID:
        raise UsageError(
            f"the execution client at {client.url} has chain id {chain_id}: "
            f"give it a genesis with {DEV_CHAIN_ID}"
        )
    await engine.call("engine_exchangeCapabilities", ["engine_newPayloadV2", BODIES])
    bridge = ethereum.to_data(ethereum.BRIDGE_ADDRESS)
    if await client.call("eth_getCode", bridge, "latest") == "0x":
        raise EnvironmentFailure(
            f"the execution client at {client.url} has no bridge contract at {bridge}: "
            "give it a genesis with the contract"
        )
    genesis: Any = await client.call("eth_getBlockByNumber", "0x0", False)
    head: Any = await client.call("eth_getBlockByNumber", "latest", False)
    return ExecutionAnchor(
        url=client.url,
        engine_url=engine.url,
        jwt=jwt,
        genesis_hash=genesis["hash"],
        genesis_time=ethereum.from_quantity(genesis["timestamp"]),
        number=ethereum.from_quantity(head["number"]),
        hash=ethereum.from_data(head["hash"], 32),
        timestamp=ethereum.from_quantity(head["timestamp"]),
        software=str(await client.call("web3_clientVersion")),
    )


async def followers(
    anchor: ExecutionAnchor, count: int, now: Callable[[], float]
) -> tuple[EthereumNode, ...]:
    """Clients of ours that stand where the real one does.

    Raises UsageError for a genesis that is not the development genesis, EnvironmentFailure for a chain that they do not find valid.
    """
    made = tuple(EthereumNode(dev_genesis(anchor.genesis_time), now) for _ in range(count))
    for client in made:
        block: Any = client.handle("eth_getBlockByNumber", ["0x0", False])
        if block["hash"] != anchor.genesis_hash:
            raise UsageError(
                f"the execution client at {anchor.url} has another genesis ({anchor.genesis_hash}) than "
                f"the development genesis of its time ({block['hash']}), so the co-signers cannot follow it"
            )
    for payload in await _payloads(anchor):
        for client in made:
            _give(client, payload, anchor)
    return made


async def _payloads(anchor: ExecutionAnchor) -> Sequence[ExecutionPayload]:
    """Every block above the genesis up to the anchor, whole."""
    found: list[ExecutionPayload] = []
    async with (
        JsonRpcClient(anchor.url) as client,
        JsonRpcClient(anchor.engine_url, anchor.jwt) as engine,
    ):
        for first in range(1, anchor.number + 1, BODIES_PER_CALL):
            count = min(BODIES_PER_CALL, anchor.number + 1 - first)
            wanted = ethereum.to_quantity(first), ethereum.to_quantity(count)
            bodies: Any = await engine.call(BODIES, *wanted)
            for number, body in enumerate(bodies, first):
                tag = ethereum.to_quantity(number)
                block: Any = await client.call("eth_getBlockByNumber", tag, False)
                payload = payload_from_rpc_block(block)
                raw = tuple(ethereum.from_data(tx) for tx in body["transactions"])
                found.append(msgspec.structs.replace(payload, transactions=raw))
    return found


def _give(client: EthereumNode, payload: ExecutionPayload, anchor: ExecutionAnchor) -> None:
    """Execute a block and make it the head."""
    status: Any = client.handle_engine("engine_newPayloadV2", [payload.to_json()])
    if status["status"] != "VALID":
        raise EnvironmentFailure(
            f"block {payload.block_number} of the execution client at {anchor.url} is not valid "
            f"for ours: {status['validationError']}; begin a new chain there"
        )
    head = ForkchoiceState(
        head_block_hash=payload.block_hash,
        safe_block_hash=bytes(32),
        finalized_block_hash=bytes(32),
    )
    client.handle_engine("engine_forkchoiceUpdatedV2", [head.to_json(), None])
