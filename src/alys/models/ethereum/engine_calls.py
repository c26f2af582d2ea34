"""The calls of the Engine API, V1 (Paris) to V3 (Cancun): shapes, versions and codes here, meaning in ``client``.

A version stands for a fork, and a payload's time says which fork it is of. A structure of another version than its fork's
is -32602 (-38003 for attributes), a call for a fork that it is not made for -38005 (execution-apis, src/engine).
"""

from collections.abc import Callable
from typing import Any

from alys.models.ethereum import execution, params
from alys.models.ethereum.client import INVALID_ATTRIBUTES, Client, tips_paid
from alys.models.ethereum.forks import Fork
from alys.models.ethereum.tree import Block
from alys.wire.engine import (
    ExecutionPayload,
    ForkchoiceState,
    PayloadAttributes,
    attributes_version,
    payload_version,
)
from alys.wire.ethereum import BadEthereumData, from_data, from_quantity, to_data, to_quantity
from alys.wire.jsonrpc import INVALID_PARAMS, RpcError

TOO_LARGE_REQUEST = -38004
UNSUPPORTED_FORK = -38005
BODIES_MAX = 1024
"""More bodies in one call are refused; the specification demands at least 32."""

BLOBS_MAX = 128
CLIENT_CODE = "AL"
CLIENT_NAME = "alys"
CLIENT_RELEASE = "1"
CLIENT_COMMIT = "0x00000000"

_FORKS = {1: (Fork.PARIS,), 2: (Fork.PARIS, Fork.SHANGHAI), 3: (Fork.CANCUN,)}
"""By version of a call: the forks whose payloads it is for."""

_STRUCTURES = {Fork.PARIS: 1, Fork.SHANGHAI: 2, Fork.CANCUN: 3}
"""By fork: the version of the structures."""


def _capabilities(client: Client, theirs: object) -> list[str]:
    """All but this very call, as the specification wants."""
    params.as_list(theirs, "capabilities")
    return [name for name in METHODS if name != "engine_exchangeCapabilities"]


def _client_version(client: Client, theirs: object) -> list[dict[str, str]]:
    params.as_object(theirs, "client version")
    return [
        {
            "code": CLIENT_CODE,
            "name": CLIENT_NAME,
            "version": CLIENT_RELEASE,
            "commit": CLIENT_COMMIT,
        }
    ]


def _forkchoice(version: int) -> Callable[..., dict[str, Any]]:
    def forkchoice(client: Client, state: object, attributes: object = None) -> dict[str, Any]:
        wanted = None
        if attributes is not None:
            found = attributes_version(attributes)
            newer = params.as_object(attributes, "payload attributes").get("parentBeaconBlockRoot")
            if version == 1 and (found > 1 or newer is not None):
                raise RpcError(INVALID_PARAMS, "withdrawals and beacon root not supported in V1")
            wanted = PayloadAttributes.from_json(attributes, found)

        def check() -> None:
            if wanted is not None:
                _check_attributes(client, version, wanted)

        return client.forkchoice_updated(ForkchoiceState.from_json(state), wanted, check).to_json()

    return forkchoice


def _check_attributes(client: Client, version: int, wanted: PayloadAttributes) -> None:
    """Raises RpcError for attributes of another version or fork; by then the head has moved."""
    fork = client.genesis.schedule.merged_fork_at(wanted.timestamp)
    if version == 3 and wanted.version != 3:
        raise RpcError(
            INVALID_ATTRIBUTES,
            "Invalid payload attributes",
            {"err": "V3 needs withdrawals and parentBeaconBlockRoot"},
        )
    if fork not in _FORKS[version]:
        raise _unsupported(version, fork)
    if wanted.version != _STRUCTURES[fork]:
        raise RpcError(
            INVALID_ATTRIBUTES,
            "Invalid payload attributes",
            {"err": f"PayloadAttributesV{wanted.version} for a block of {fork.name.lower()}"},
        )


def _new_payload(version: int) -> Callable[..., dict[str, Any]]:
    def new_payload(client: Client, payload: object) -> dict[str, Any]:
        read = _read_payload(client, payload, version)
        return client.new_payload(read).to_json()

    return new_payload


def _new_payload_v3(
    client: Client, payload: object, hashes: object, parent_beacon_block_root: object
) -> dict[str, Any]:
    listed = params.as_list(hashes, "expectedBlobVersionedHashes")
    expected = tuple(from_data(one, 32, "versioned hash") for one in listed)
    root = from_data(parent_beacon_block_root, 32, "parentBeaconBlockRoot")
    return client.new_payload(_read_payload(client, payload, 3), expected, root).to_json()


def _read_payload(client: Client, payload: object, version: int) -> ExecutionPayload:
    """Raises BadEthereumData for another structure than its fork's, RpcError -38005 for a fork of another call."""
    time = params.as_object(payload, "execution payload").get("timestamp")
    fork = client.genesis.schedule.merged_fork_at(from_quantity(time, "timestamp"))
    if version == 3:
        ExecutionPayload.from_json(payload, 3)  # the shape is judged before the fork
    if fork not in _FORKS[version]:
        raise _unsupported(version, fork)
    wanted, found = _STRUCTURES[fork], payload_version(payload)
    if found != wanted:
        raise BadEthereumData(
            "execution payload",
            f"ExecutionPayloadV{found}, a block of {fork.name.lower()} is ExecutionPayloadV{wanted}",
        )
    return ExecutionPayload.from_json(payload, wanted)


def _unsupported(version: int, fork: Fork) -> RpcError:
    why = f"V{version} is not for payloads of {fork.name.lower()}"
    return RpcError(UNSUPPORTED_FORK, "Unsupported fork", {"err": why})


def _get_payload(version: int) -> Callable[..., dict[str, Any]]:
    def get_payload(client: Client, payload_id: object) -> dict[str, Any]:
        block = client.get_payload(
            from_data(payload_id, 8, "payloadId"), lambda fork: _check_fork(version, fork)
        )
        shown = execution.payload_of(block).to_json()
        if version == 1:
            return shown
        answer: dict[str, Any] = {
            "executionPayload": shown,
            "blockValue": to_quantity(tips_paid(block)),
        }
        if version == 3:
            answer["blobsBundle"] = {"commitments": [], "proofs": [], "blobs": []}
            answer["shouldOverrideBuilder"] = False
        return answer

    return get_payload


def _check_fork(version: int, fork: Fork) -> None:
    if fork not in _FORKS[version]:
        raise _unsupported(version, fork)


def _blobs(client: Client, hashes: object) -> list[None]:
    """The pool keeps no blobs, so each is missing."""
    listed = params.as_list(hashes, "hashes")
    if len(listed) > BLOBS_MAX:
        raise RpcError(TOO_LARGE_REQUEST, "Too large request")
    for one in listed:
        from_data(one, 32, "versioned hash")
    return [None] * len(listed)


def _body(block: Block | None) -> dict[str, Any] | None:
    if block is None:
        return None
    withdrawals = [withdrawal.to_json() for withdrawal in block.withdrawals]
    return {
        "transactions": [to_data(transaction.raw) for transaction in block.transactions],
        "withdrawals": withdrawals if block.rules.has_withdrawals else None,
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
    "engine_forkchoiceUpdatedV1": _forkchoice(1),
    "engine_forkchoiceUpdatedV2": _forkchoice(2),
    "engine_forkchoiceUpdatedV3": _forkchoice(3),
    "engine_getBlobsV1": _blobs,
    "engine_getClientVersionV1": _client_version,
    "engine_getPayloadBodiesByHashV1": _bodies_by_hash,
    "engine_getPayloadBodiesByRangeV1": _bodies_by_range,
    "engine_getPayloadV1": _get_payload(1),
    "engine_getPayloadV2": _get_payload(2),
    "engine_getPayloadV3": _get_payload(3),
    "engine_newPayloadV1": _new_payload(1),
    "engine_newPayloadV2": _new_payload(2),
    "engine_newPayloadV3": _new_payload_v3,
}
"""By name: called with the client and the parameters as they came."""
