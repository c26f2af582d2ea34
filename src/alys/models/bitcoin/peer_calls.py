"""The calls about peers. Each raises RpcError as bitcoind does."""

from collections import Counter
from typing import Any

from alys.models.bitcoin import state
from alys.models.bitcoin.calls import Call, table
from alys.models.bitcoin.mempool import RELAY_FEE_SATS_PER_KVB
from alys.models.bitcoin.peer import Peer
from alys.models.bitcoin.peers import AGENT, OFFERED, NodeKnown, NodeUnknown
from alys.models.bitcoin.state import NodeState
from alys.models.bitcoin.usage import USAGE
from alys.wire import bitcoin
from alys.wire import bitcoin_p2p as p2p
from alys.wire.bitcoin_p2p import Services
from alys.wire.jsonrpc import INVALID_PARAMS, RpcError

VERSION = 290000
"""The release of Core whose answers these are."""

CLIENT_NODE_ALREADY_ADDED = -23
CLIENT_NODE_NOT_ADDED = -24
CLIENT_NODE_NOT_CONNECTED = -29
DEFAULT_PORT = 18444
"""Regtest's, where an address names none."""


def getconnectioncount(node: NodeState) -> int:
    """How many peers."""
    return len(node.peers.all)


def getnetworkinfo(node: NodeState) -> dict[str, Any]:
    """What this node tells its peers of itself, and how many there are."""
    rate = bitcoin.amount_of(RELAY_FEE_SATS_PER_KVB)
    inbound = sum(1 for peer in node.peers.all.values() if peer.inbound)
    return {
        "version": VERSION,
        "subversion": AGENT.decode(),
        "protocolversion": p2p.PROTOCOL_VERSION,
        "localservices": f"{int(OFFERED):016x}",
        "localservicesnames": _names(OFFERED),
        "localrelay": True,
        "timeoffset": 0,
        "networkactive": node.peers.active,
        "connections": len(node.peers.all),
        "connections_in": inbound,
        "connections_out": len(node.peers.all) - inbound,
        "networks": [
            {
                "name": name,
                "limited": not reached,
                "reachable": reached,
                "proxy": "",
                "proxy_randomize_credentials": False,
            }
            for name, reached in (
                ("ipv4", True),
                ("ipv6", True),
                ("onion", False),
                ("i2p", False),
                ("cjdns", False),
            )
        ],
        "relayfee": rate,
        "incrementalfee": rate,
        "localaddresses": [],
        "warnings": [],
    }


def getpeerinfo(node: NodeState) -> list[dict[str, Any]]:
    """Each peer, the oldest first."""
    return [_view(node, peer) for peer in node.peers.all.values()]


def _view(node: NodeState, peer: Peer) -> dict[str, Any]:
    their = peer.version
    offset = node.peers.now() - node.peers.clock()
    best = node.peers.blocks.tree.get(peer.best) if peer.best else None
    common = best.height if best is not None and best.hash in node.chain.index else -1
    services = 0 if their is None else their.services
    view: dict[str, Any] = {
        "id": peer.number,
        "addr": peer.address,
        "addrbind": peer.bound,
        "network": "not_publicly_routable",
        "services": f"{services:016x}",
        "servicesnames": _names(services),
        "relaytxes": True if their is None else their.relay,
        "lastsend": int(peer.last_sent_at + offset) if peer.last_sent_at else 0,
        "lastrecv": int(peer.last_received_at + offset) if peer.last_received_at else 0,
        "last_transaction": 0,
        "last_block": 0,
        "bytessent": peer.sent.total(),
        "bytesrecv": peer.received.total(),
        "conntime": int(peer.opened_at + offset),
        "timeoffset": 0,
    }
    if peer.ping_seconds is not None:
        view.update(pingtime=peer.ping_seconds, minping=peer.ping_seconds_min)
    if peer.waiting_seconds is not None:
        view["pingwait"] = peer.waiting_seconds
    return {
        **view,
        "version": 0 if their is None else their.protocol,
        "subver": "" if their is None else their.agent.decode("utf-8", "replace"),
        "inbound": peer.inbound,
        "bip152_hb_to": False,
        "bip152_hb_from": False,
        "startingheight": -1 if their is None else their.height,
        "presynced_headers": -1,
        "synced_headers": -1 if best is None else best.height,
        "synced_blocks": common,
        "inflight": [
            step.height
            for name, asked in node.peers.blocks.asked.items()
            if asked.peer is peer and (step := node.peers.blocks.tree.get(name)) is not None
        ],
        "addr_relay_enabled": False,
        "addr_processed": 0,
        "addr_rate_limited": 0,
        "permissions": [],
        "minfeefilter": bitcoin.amount_of(peer.fee_filter),
        "bytessent_per_msg": _sorted(peer.sent),
        "bytesrecv_per_msg": _sorted(peer.received),
        "connection_type": "inbound" if peer.inbound else "manual",
        "transport_protocol_type": "v1",
        "session_id": "",
    }


def addnode(node: NodeState, host: str, command: str, v2transport: bool = False) -> None:
    """Stay connected to a node (``add``), no more (``remove``), or try it once (``onetry``). Its name is an address here."""
    if command not in ("add", "remove", "onetry"):
        raise RpcError(state.MISC_ERROR, USAGE["addnode"])
    address = _address(host)
    if command == "onetry":
        node.peers.dials.append(address)
        return
    try:
        if command == "add":
            node.peers.add(address)
        else:
            node.peers.remove(address)
    except NodeKnown as error:
        raise RpcError(CLIENT_NODE_ALREADY_ADDED, "Error: Node already added") from error
    except NodeUnknown as error:
        told = "Error: Node could not be removed. It has not been added previously."
        raise RpcError(CLIENT_NODE_NOT_ADDED, told) from error


def getaddednodeinfo(node: NodeState, host: str | None = None) -> list[dict[str, Any]]:
    """The nodes that were added, and whether they are connected."""
    wanted = node.peers.added if host is None else [_address(host)]
    if host is not None and wanted[0] not in node.peers.added:
        raise RpcError(CLIENT_NODE_NOT_ADDED, "Error: Node has not been added.")
    there = {peer.address for peer in node.peers.all.values() if not peer.inbound}
    return [
        {
            "addednode": address,
            "connected": address in there,
            "addresses": [{"address": address, "connected": "outbound"}]
            if address in there
            else [],
        }
        for address in wanted
    ]


def disconnectnode(node: NodeState, address: str = "", nodeid: int | None = None) -> None:
    """Hang up on a peer, named by its address or by its number."""
    if bool(address) is (nodeid is not None):
        told = "Only one of address and nodeid should be provided."
        raise RpcError(INVALID_PARAMS, told)
    try:
        node.peers.drop(address, nodeid)
    except NodeUnknown as error:
        raise RpcError(CLIENT_NODE_NOT_CONNECTED, "Node not found in connected nodes") from error


def setnetworkactive(node: NodeState, state: bool) -> bool:
    """Switch the peers on or off."""
    node.peers.switch(state)
    return node.peers.active


def getnettotals(node: NodeState) -> dict[str, Any]:
    """Bytes to and from the peers that are connected."""
    peers = node.peers.all.values()
    return {
        "totalbytesrecv": sum(peer.received.total() for peer in peers),
        "totalbytessent": sum(peer.sent.total() for peer in peers),
        "timemillis": int(node.peers.now() * 1000),
        "uploadtarget": {
            "timeframe": 86400,
            "target": 0,
            "target_reached": False,
            "serve_historical_blocks": True,
            "bytes_left_in_cycle": 0,
            "time_left_in_cycle": 0,
        },
    }


def getnodeaddresses(
    node: NodeState, count: int = 1, network: str | None = None
) -> list[dict[str, Any]]:
    """No addresses are gathered here."""
    if count < 0:
        raise RpcError(state.INVALID_PARAMETER, "Address count out of range")
    return []


def ping(node: NodeState) -> None:
    """Ping every peer; ``getpeerinfo`` has the answers."""
    for peer in node.peers.all.values():
        peer.ping()


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    return text if host and port.isdecimal() else f"{text}:{DEFAULT_PORT}"


def _names(services: int) -> list[str]:
    """The services by Core's names; unknown bits by their number."""
    known = [one for one in Services if services & one]
    unknown = [bit for bit in range(64) if services >> bit & 1 and 1 << bit not in list(Services)]
    return [str(one.name) for one in known] + [f"UNKNOWN[2^{bit}]" for bit in unknown]


def _sorted(counts: "Counter[str]") -> dict[str, int]:
    return dict(sorted(counts.items()))


CALLS: dict[str, Call] = table(
    addnode,
    disconnectnode,
    getaddednodeinfo,
    getconnectioncount,
    getnettotals,
    getnetworkinfo,
    getnodeaddresses,
    getpeerinfo,
    ping,
    setnetworkactive,
)
