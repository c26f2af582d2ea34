"""The calls about the node itself: who it is, whom it talks to (nobody), which calls it has."""

from collections.abc import Callable
from typing import Any

from alys.models.ethereum.client import Client
from alys.wire.ethereum import from_data, keccak256, to_data, to_quantity

CLIENT_VERSION = "alys-ethereum/1"


def _node_info(client: Client) -> dict[str, Any]:
    """geth's admin_nodeInfo of a node without peers."""
    head = client.tree.head
    return {
        "name": CLIENT_VERSION,
        "ip": "127.0.0.1",
        "ports": {"discovery": 0, "listener": 0},
        "listenAddr": "",
        "protocols": {
            "eth": {
                "network": client.chain_id,
                "genesis": to_data(client.tree.genesis.hash),
                "head": to_data(head.hash),
            }
        },
    }


def _modules(client: Client) -> dict[str, str]:
    """The namespaces of the public port; those of a development node are not told, as in anvil."""
    names = ("admin", "debug", "eth", "net", "rpc", "txpool", "web3")
    return dict.fromkeys(names, "1.0")


METHODS: dict[str, Callable[..., Any]] = {
    "admin_nodeInfo": _node_info,
    "admin_peers": lambda client: [],
    "eth_chainId": lambda client: to_quantity(client.chain_id),
    "eth_syncing": lambda client: False,
    "net_listening": lambda client: True,
    "net_peerCount": lambda client: "0x0",
    "net_version": lambda client: str(client.chain_id),
    "rpc_modules": _modules,
    "web3_clientVersion": lambda client: CLIENT_VERSION,
    "web3_sha3": lambda client, data: to_data(keccak256(from_data(data))),
}
"""By name: called with the client and the parameters as they came."""
