"""The calls that make wallets, and that change what a wallet can receive on. Each raises RpcError as bitcoind does."""

from typing import Any

from alys.models.bitcoin import calls, state
from alys.models.bitcoin.calls import Call, field
from alys.models.bitcoin.descriptor_calls import range_of
from alys.models.bitcoin.state import NodeState
from alys.models.bitcoin.wallet import BACK_SECONDS
from alys.models.bitcoin.wallet_calls import Opened, table
from alys.models.bitcoin.wallet_keys import LOOK_AHEAD, PURPOSES, Pool, kind_of
from alys.models.bitcoin.wallets import WALLET_ERROR
from alys.wire import bitcoin
from alys.wire.bitcoin import Descriptor
from alys.wire.jsonrpc import RpcError

DEFAULT_KIND = "bech32"
INVALID_LABEL = -11
KEYPOOL_RAN_OUT = -12


def createwallet(
    node: NodeState,
    wallet_name: str,
    disable_private_keys: bool = False,
    blank: bool = False,
    passphrase: str | None = None,
    avoid_reuse: bool = False,
    descriptors: bool = True,
    load_on_startup: bool | None = None,
    external_signer: bool = False,
) -> dict[str, Any]:
    """Make a wallet of descriptors and load it. There are no passphrases."""
    told = ""
    if not descriptors:
        told = "Compiled without bdb support (required for legacy wallets)"
    elif external_signer:
        told = "Compiled without external signing support (required for external signing)"
    elif passphrase:
        told = "Error: Wallet passphrases are not supported here: a wallet's keys are test keys"
    if told:
        raise RpcError(WALLET_ERROR, told)
    wallet = node.wallets.create(
        node,
        wallet_name,
        private_keys=not disable_private_keys,
        blank=blank,
        avoid_reuse=avoid_reuse,
    )
    wallet.startup = load_on_startup is True
    warnings = {}
    if passphrase == "":
        warnings["warnings"] = ["Empty string given as passphrase, wallet will not be encrypted."]
    return {"name": wallet_name, **warnings}


def loadwallet(
    node: NodeState, filename: str, load_on_startup: bool | None = None
) -> dict[str, Any]:
    """Load a wallet that was made before."""
    wallet = node.wallets.load(filename)
    if load_on_startup is not None:
        wallet.startup = load_on_startup
    return {"name": wallet.name}


def unloadwallet(
    node: NodeState, wallet_name: str | None = None, load_on_startup: bool | None = None
) -> dict[str, Any]:
    """Unload a wallet; it stays."""
    wallet = node.wallets.unload(wallet_name)
    if load_on_startup is not None:
        wallet.startup = load_on_startup
    return {}


def listwallets(node: NodeState) -> list[str]:
    """The wallets that are loaded."""
    return list(node.wallets.loaded)


def listwalletdir(node: NodeState) -> dict[str, Any]:
    """The wallets that there are."""
    return {"wallets": [{"name": name} for name in node.wallets.stored]}


def getnewaddress(at: Opened, label: str = "", address_type: str = DEFAULT_KIND) -> str:
    """An address to give away."""
    if label == "*":
        raise RpcError(INVALID_LABEL, "Invalid label name")
    address = _next_address(at, address_type, internal=False)
    at.wallet.label(address, label)
    return address


def getrawchangeaddress(at: Opened, address_type: str = DEFAULT_KIND) -> str:
    """An address for change."""
    return _next_address(at, address_type, internal=True)


def _next_address(at: Opened, kind: str, *, internal: bool) -> str:
    if not any(pool.active for pool in at.wallet.pools):
        raise RpcError(WALLET_ERROR, "Error: This wallet has no available keys")
    if kind not in PURPOSES:
        raise RpcError(state.NOT_FOUND, f"Unknown address type '{kind}'")
    pool = at.wallet.active(kind, internal=internal)
    if pool is None:
        told = f"Error: No {kind} addresses available."
        raise RpcError(KEYPOOL_RAN_OUT, told)
    address = bitcoin.script_to_address(pool.take())
    assert address is not None, "each kind has addresses"
    return address


def setlabel(at: Opened, address: str, label: str) -> None:
    """Name an address."""
    try:
        script = bitcoin.address_to_script(address)
    except bitcoin.BadAddress:
        raise RpcError(state.NOT_FOUND, "Invalid Bitcoin address") from None
    if label == "*":
        raise RpcError(INVALID_LABEL, "Invalid label name")
    at.wallet.label(bitcoin.script_to_address(script) or address, label)


def keypoolrefill(at: Opened, newsize: int = 1000) -> None:
    """Keys are made when they are needed."""
    if newsize < 0:
        raise RpcError(state.INVALID_PARAMETER, "Invalid parameter, expected valid size.")


def rescanblockchain(
    at: Opened, start_height: int = 0, stop_height: int | None = None
) -> dict[str, Any]:
    """Read the chain again."""
    tip = at.node.chain.tip.height
    if not 0 <= start_height <= tip:
        raise RpcError(state.INVALID_PARAMETER, "Invalid start_height")
    if stop_height is not None and not 0 <= stop_height <= tip:
        raise RpcError(state.INVALID_PARAMETER, "Invalid stop_height")
    if stop_height is not None and stop_height < start_height:
        told = "stop_height must be greater than start_height"
        raise RpcError(state.INVALID_PARAMETER, told)
    at.wallet.rescan(start_height)
    return {
        "start_height": start_height,
        "stop_height": tip if stop_height is None else stop_height,
    }


def importdescriptors(at: Opened, requests: list[Any]) -> list[dict[str, Any]]:
    """Watch descriptors, and with their private keys spend from them; one answer per request."""
    answers = []
    for request in requests:
        if isinstance(request, dict) and "timestamp" not in request:
            raise RpcError(state.TYPE_ERROR, "Missing required timestamp field for key")
    first = at.node.chain.tip.height + 1
    for request in requests:
        try:
            pool = _imported(at, request)
        except RpcError as error:
            told = {"code": error.code, "message": error.message}
            answers.append({"success": False, "error": told})
            continue
        answers.append({"success": True})
        for entry in at.node.chain.active[:first]:
            if entry.block.header.time >= pool.timestamp - BACK_SECONDS:
                first = entry.height
                break
    at.wallet.rescan(first)
    return answers


def _imported(at: Opened, request: Any) -> Pool:
    if not isinstance(request, dict):
        raise RpcError(state.TYPE_ERROR, "JSON value is not an object as expected")
    text = request.get("desc")
    if not isinstance(text, str):
        raise RpcError(state.INVALID_PARAMETER, "Descriptor not found.")
    try:
        descriptor = bitcoin.parse_descriptor(text, checksum_needed=True)
    except bitcoin.BadDescriptor as error:
        raise RpcError(state.NOT_FOUND, error.reason) from error
    told = _refusal(at, request, descriptor)
    if told:
        raise RpcError(*told)
    first, end = _numbers(descriptor, request)
    pool = Pool(
        descriptor=descriptor,
        timestamp=_timestamp(at, request),
        active=field(request, "active", bool, False),
        internal=field(request, "internal", bool, False),
        kind=kind_of(descriptor),
        next=_next(request, first, end),
        first=first,
    )
    try:
        at.wallet.add(pool, end)
    except bitcoin.DescriptorError as error:
        told_why = "Cannot expand descriptor. Probably because of hardened derivations without private keys provided"
        raise RpcError(WALLET_ERROR, told_why) from error
    if not pool.internal and not descriptor.ranged:
        addresses = (bitcoin.script_to_address(one.script) for one in descriptor.outputs())
        for address in addresses:
            if address is not None:
                at.wallet.label(address, str(request.get("label", "")))
    return pool


def _next(request: dict[str, Any], first: int, end: int) -> int:
    found: int = field(request, "next_index", int, first)
    if not first <= found <= max(end, first):
        raise RpcError(state.INVALID_PARAMETER, "next_index is out of range")
    return found


def _numbers(descriptor: Descriptor, request: dict[str, Any]) -> tuple[int, int]:
    """The first number to watch, and the one after the last."""
    if not descriptor.ranged:
        return 0, 1
    if "range" not in request:
        return 0, LOOK_AHEAD
    first, last = range_of(request["range"])
    return first, last + 1


def _timestamp(at: Opened, request: dict[str, Any]) -> int:
    value = request["timestamp"]
    if value == "now":
        return at.node.chain.median_time(at.node.chain.tip)
    if isinstance(value, bool) or not isinstance(value, int):
        told = 'Expected number or "now" timestamp value for key. got type string'
        raise RpcError(state.TYPE_ERROR, told)
    return max(value, 1)


def _refusal(at: Opened, request: dict[str, Any], descriptor: Descriptor) -> tuple[int, str] | None:
    """Why a descriptor may not come in as the request wants it."""
    ranged, private = descriptor.ranged, descriptor.private
    active, kind = bool(request.get("active")), kind_of(descriptor)
    if not ranged and "range" in request:
        told = "Range should not be specified for an un-ranged descriptor"
        return state.INVALID_PARAMETER, told
    if active and not ranged:
        return state.INVALID_PARAMETER, "Active descriptors must be ranged"
    if ranged and request.get("label"):
        return state.INVALID_PARAMETER, "Ranged descriptors should not have a label"
    if request.get("internal") and request.get("label"):
        return state.INVALID_PARAMETER, "Internal addresses should not have a label"
    if active and not kind:
        return WALLET_ERROR, "Combo descriptors cannot be set to active"
    if at.wallet.private_keys and not private:
        told = "Cannot import descriptor without private keys to a wallet with private keys enabled"
        return WALLET_ERROR, told
    if not at.wallet.private_keys and private:
        told = "Cannot import private keys to a wallet with private keys disabled"
        return WALLET_ERROR, told
    return None


CALLS: dict[str, Call] = {
    **calls.table(createwallet, listwalletdir, listwallets, loadwallet, unloadwallet),
    **table(
        getnewaddress,
        getrawchangeaddress,
        importdescriptors,
        keypoolrefill,
        rescanblockchain,
        setlabel,
    ),
}
