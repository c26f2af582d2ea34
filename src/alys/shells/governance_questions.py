"""The two calls that a governance node answers beside its stream, to anybody, without a token.

They are asked as a witness: what faults do to calls they are spared.
"""

from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict

from alys.shells import misbehaving
from alys.shells.generated import governance_pb2_grpc as rpc
from alys.wire.generated import governance_pb2 as pb

TIMEOUT_SECONDS = 10.0
WITNESS = ((misbehaving.WITNESS.lower(), "1"),)


async def health(target: str, timeout_seconds: float = TIMEOUT_SECONDS) -> dict[str, Any]:
    """``Health``: the answer's fields by their names in the proto. Raises grpc.aio.AioRpcError."""
    async with grpc.aio.insecure_channel(target) as channel:
        stub = rpc.GovernanceStreamStub(channel)
        answer: pb.HealthResponse = await stub.Health(
            pb.HealthRequest(), timeout=timeout_seconds, metadata=WITNESS
        )
    return MessageToDict(answer, preserving_proto_field_name=True)


async def capabilities(target: str, node_id: str) -> dict[str, Any]:
    """``GetCapabilities``, in the same form."""
    async with grpc.aio.insecure_channel(target) as channel:
        stub = rpc.GovernanceStreamStub(channel)
        asked = pb.CapabilitiesRequest(node_id=node_id)
        answer: pb.CapabilitiesResponse = await stub.GetCapabilities(
            asked, timeout=TIMEOUT_SECONDS, metadata=WITNESS
        )
    return MessageToDict(answer, preserving_proto_field_name=True)
