"""What tests of calls ask of a client, beside what ``builders`` has."""

from typing import Any

import pytest

from alys.models.ethereum.node import EthereumNode
from alys.wire import ethereum
from alys.wire.ethereum import BRIDGE_ADDRESS
from alys.wire.jsonrpc import RpcError
from tests.models.ethereum.builders import attributes, forkchoice, imported, signed


def refused(call: Any, *arguments: Any) -> RpcError:
    """How a call is refused."""
    with pytest.raises(RpcError) as error:
        call(*arguments)
    return error.value


def peg_out(wei: int, address: str = "bcrt1q", nonce: int = 0) -> bytes:
    """A request to the bridge contract by the user, which logs one event."""
    data = ethereum.encode_request_peg_out(address)
    return signed(nonce=nonce, to=BRIDGE_ADDRESS, value=wei, data=data, gas=200_000)


def sibling(node: EthereumNode, parent: dict[str, Any], seconds: int) -> dict[str, Any]:
    """Another block on the head ``parent``, imported, not made the head."""
    time = int(parent["timestamp"], 16) + seconds
    begun = forkchoice(node, parent["hash"], attributes(time))
    payload = node.handle_engine("engine_getPayloadV2", [begun["payloadId"]])["executionPayload"]
    assert imported(node, payload)["status"] == "VALID"
    assert isinstance(payload, dict)
    return payload
