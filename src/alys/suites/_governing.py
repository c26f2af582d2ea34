"""What scenarios of several suites say in governance's name: the same words by as many nodes as the federation's threshold asks."""

import base64
from collections.abc import Sequence
from typing import Any

from alys.worlds.network_world import NetworkWorld


async def keys(world: NetworkWorld) -> list[bytes]:
    """The federation in force, as the first governance node has it."""
    state: Any = await world.governance.state(0)
    return [bytes.fromhex(key) for key in state["federation"]["keys"]]


def change(
    members: Sequence[bytes], threshold: int, effective_height: int, signature: bytes = b""
) -> dict[str, object]:
    """The fields of an announcement that the federation shall be these members."""
    fields: dict[str, object] = {
        "update_type": "FEDERATION_UPDATE_TYPE_MEMBER_ADD",
        "members": [
            {
                "member_id": f"member-{number}",
                "public_key": base64.b64encode(key).decode(),
                "weight": 1,
                "active": True,
            }
            for number, key in enumerate(members, start=1)
        ],
        "effective_height": effective_height,
        "config": {"signature_threshold": threshold},
    }
    if signature:
        fields["update_signature"] = base64.b64encode(signature).decode()
    return fields


async def say(world: NetworkWorld, endpoints: Sequence[int], verb: str, **fields: object) -> None:
    """These governance nodes announce the same."""
    for endpoint in endpoints:
        await world.governance.push(endpoint, verb, **fields)


async def federation(world: NetworkWorld) -> Any:
    """What the node knows of its federations."""
    return await world.node.call("alys_federation")


async def announcements(world: NetworkWorld) -> Any:
    """What the node made of governance's words."""
    return await world.node.call("alys_announcements")
