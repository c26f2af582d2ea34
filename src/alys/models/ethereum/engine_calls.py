"""The calls of the Engine API: shapes in and out here, meaning in ``client``.

The chain is Shanghai from genesis on, so only V2 can be meant; V1 answers as a client does that has left Paris behind.
"""

from collections.abc import Callable
from typing import Any

from alys.models.ethereum import execution, params
from alys.models.ethereum.client import Client, tips_paid
from alys.models.ethereum.tree import Block
from alys.wire.engine import ExecutionPayload, ForkchoiceState, PayloadAttributes
from alys.wire.ethereum import from_data, from_quantity, to_data, to_quantity
from alys.wire.jsonrpc import INVALID_PARAMS, RpcError

TOO_LARGE_REQUEST = -38004
UNSUPPORTED_FORK = -38005
BODIES_MAX = 1024
"""More bodies in one call are refused; the specification demands at least 32."""


def _capabilities(client: Client, theirs: object) -> list[str]:
    """All but this very call, as the specification wants."""
    params.as_list(theirs, "capabilities")
    return [name for name in METHODS if name != "engine_exchangeCapabilities"]


def _forkchoice_v1(client: Client, state: object, attributes: object = None) -> dict[str, Any]:
    if attributes is not None:
        raise RpcError(INVALID_PARAMS, "forkChoiceUpdateV1 called post-shanghai")
    return _forkchoice(client, state)


def _forkchoice(client: Client, state: object, attributes: object = None) -> dict[str, Any]:
    wanted = None if attributes is None else PayloadAttributes.from_json(attributes)
    return client.forkchoice_updated(ForkchoiceState.from_json(state), wanted).to_json()


def _new_payload(client: Client, payload: object) -> dict[str, Any]:
    return client.new_payload(ExecutionPayload.from_json(payload)).to_json()


def _get_payload(client: Client, payload_id: object) -> dict[str, Any]:
    block = client.get_payload(from_data(payload_id, 8, "payloadId"))
    return {
        "executionPayload": execution.payload_of(block).to_json(),
        "blockValue": to_quantity(tips_paid(block)),
    }


def _left_behind(client: Client, what: object) -> dict[str, Any]:
    raise RpcError(UNSUPPORTED_FORK, "Unsupported fork")


def _body(block: Block | None) -> dict[str, Any] | None:
    if block is None:
        return None
    return {
        "transactions": [to_data(transaction.raw) for transaction in block.transactions],
        "withdrawals": [withdrawal.to_json() for withdrawal in block.withdrawals],
    }


def _bodies_by_hash(client: Client, hashes: object) -> list[Any]:
    listed = params.as_list(hashes, "hashes")
    _check_amount(len(listed))
    return [_body(client.tree.get(from_data(one, 32, "hash"))) for one in listed]


def _bodies_by_range(client: Client, start: object, count: object) -> list[Any]:
    first, amount = from_quantity(start, "start"), from_quantity(count, "count")
    if first == 0 or amount == 0:
        raise RpcError(INVALID_PARAMS, f"invalid start or count, start: {first} count: {amount}")
    _check_amount(amount)
    return [_body(block) for block in client.tree.canonical[first : first + amount]]


def _check_amount(amount: int) -> None:
    if amount > BODIES_MAX:
        raise RpcError(TOO_LARGE_REQUEST, "Too large request")


METHODS: dict[str, Callable[..., Any]] = {
    "engine_exchangeCapabilities": _capabilities,
    "engine_forkchoiceUpdatedV1": _forkchoice_v1,
    "engine_forkchoiceUpdatedV2": _forkchoice,
    "engine_getPayloadBodiesByHashV1": _bodies_by_hash,
    "engine_getPayloadBodiesByRangeV1": _bodies_by_range,
    "engine_getPayloadV1": _left_behind,
    "engine_getPayloadV2": _get_payload,
    "engine_newPayloadV1": _left_behind,
    "engine_newPayloadV2": _new_payload,
}
"""By name: called with the client and the parameters as they came."""
