"""The calls about descriptors, addresses and signed texts, none of which looks at the chain but ``scantxoutset``."""

from collections.abc import Sequence
from typing import Any

from alys.models.bitcoin import block_views, state
from alys.models.bitcoin.calls import Call, table
from alys.models.bitcoin.state import NodeState
from alys.wire import bitcoin
from alys.wire.bitcoin import Descriptor
from alys.wire.jsonrpc import RpcError

RANGE_END_MAX = (1 << 31) - 1
RANGE_SIZE_MAX = 10_000
"""Core takes a million, and answers others meanwhile."""
SCAN_RANGE_END = 1000
MULTISIG_KEYS_MAX = 20


def getdescriptorinfo(node: NodeState, descriptor: str) -> dict[str, Any]:
    """What a descriptor says of itself; its private keys are not repeated."""
    found = parsed(descriptor)
    body = descriptor.partition("#")[0]
    return {
        "descriptor": found.with_checksum,
        "checksum": bitcoin.checksum(body),
        "isrange": found.ranged,
        "issolvable": found.solvable,
        "hasprivatekeys": found.private,
    }


def parsed(text: str, *, checksum_needed: bool = False) -> Descriptor:
    """A descriptor that a caller gave; raises RpcError -5."""
    try:
        return bitcoin.parse_descriptor(text, checksum_needed=checksum_needed)
    except bitcoin.BadDescriptor as error:
        raise RpcError(state.NOT_FOUND, error.reason) from error


def deriveaddresses(
    node: NodeState,
    descriptor: str,
    range: int | list[Any] | None = None,
    options: dict[str, Any] | None = None,
) -> list[str]:
    """The addresses that a descriptor means."""
    found = parsed(descriptor, checksum_needed=True)
    if not found.ranged and range is not None:
        told = "Range should not be specified for an un-ranged descriptor"
        raise RpcError(state.INVALID_PARAMETER, told)
    if found.ranged and range is None:
        told = "Range must be specified for a ranged descriptor"
        raise RpcError(state.INVALID_PARAMETER, told)
    first, last = (0, 0) if range is None else range_of(range)
    addresses = []
    for number in numbers(first, last):
        for script in scripts_at(found, number):
            address = bitcoin.script_to_address(script)
            if address is None:
                told = "Descriptor does not have a corresponding address"
                raise RpcError(state.NOT_FOUND, told)
            addresses.append(address)
    return addresses


def numbers(first: int, last: int) -> Sequence[int]:
    """All of a range, both ends included."""
    return range(first, last + 1)


def scripts_at(found: Descriptor, number: int) -> list[bytes]:
    """The scripts of a descriptor at a number; raises RpcError -5."""
    try:
        return [output.script for output in found.outputs(number)]
    except bitcoin.DescriptorError as error:
        raise RpcError(state.NOT_FOUND, str(error)) from error


def range_of(value: object) -> tuple[int, int]:
    """The first and the last number of a range that a caller gave; raises RpcError -8."""
    first, last = 0, value
    if isinstance(value, list):
        if len(value) != 2 or not all(type(end) is int for end in value):
            told = "Range must have exactly two elements"
            raise RpcError(state.INVALID_PARAMETER, told)
        first, last = value
        if first > last:
            told = "Range specified as [begin,end] must not have begin after end"
            raise RpcError(state.INVALID_PARAMETER, told)
    if not isinstance(last, int):
        told = "Range must be specified as end or as [begin,end]"
        raise RpcError(state.INVALID_PARAMETER, told)
    if first < 0:
        raise RpcError(state.INVALID_PARAMETER, "Range should be greater or equal than 0")
    if not 0 <= last <= RANGE_END_MAX:
        raise RpcError(state.INVALID_PARAMETER, "End of range is too high")
    if last >= first + RANGE_SIZE_MAX:
        raise RpcError(state.INVALID_PARAMETER, "Range is too large")
    return first, last


def scantxoutset(
    node: NodeState, action: str, scanobjects: list[Any] | None = None
) -> dict[str, Any] | bool | None:
    """The best chain's coins that these descriptors mean, in the order of the database. Scans end at once."""
    if action == "status":
        return None
    if action == "abort":
        return False
    if action != "start":
        raise RpcError(state.INVALID_PARAMETER, f"Invalid action '{action}'")
    if scanobjects is None:
        raise RpcError(state.MISC_ERROR, "scanobjects argument is required for the start action")
    wanted: dict[bytes, str] = {}
    for item in scanobjects:
        for script, descriptor in _meant(item):
            wanted.setdefault(script, descriptor)
    found = [pair for pair in node.chain.coins.items() if pair[1].output.script in wanted]
    found.sort(key=lambda pair: (bitcoin.unshown(pair[0].txid), pair[0].vout))
    return {
        "success": True,
        "txouts": len(node.chain.coins),
        "height": node.chain.tip.height,
        "bestblock": node.chain.tip.hash,
        "unspents": [
            block_views.unspent(node.chain, place, coin, wanted[coin.output.script])
            for place, coin in found
        ],
        "total_amount": bitcoin.amount_of(sum(coin.output.value for _, coin in found)),
    }


def _meant(item: object) -> list[tuple[bytes, str]]:
    """The scripts of a scan object, each with the descriptor that is told of it."""
    text = item.get("desc") if isinstance(item, dict) else item
    if not isinstance(item, str | dict):
        told = "Scan object needs to be either a string or an object"
        raise RpcError(state.INVALID_PARAMETER, told)
    if not isinstance(text, str):
        told = "Descriptor needs to be provided in scan object"
        raise RpcError(state.INVALID_PARAMETER, told)
    last = (0, SCAN_RANGE_END)
    if isinstance(item, dict) and "range" in item:
        last = range_of(item["range"])
    descriptor = parsed(text)
    first, end = last if descriptor.ranged else (0, 0)
    found = []
    for number in numbers(first, end):
        try:
            outputs = descriptor.outputs(number)
        except bitcoin.DescriptorError as error:
            raise RpcError(state.NOT_FOUND, str(error)) from error
        found += [(one.script, bitcoin.inferred_descriptor(one)) for one in outputs]
    return found


def createmultisig(
    node: NodeState, nrequired: int, keys: list[Any], address_type: str | dict[str, Any] = "legacy"
) -> dict[str, Any]:
    """An address that wants several signatures."""
    if nrequired < 1:
        told = "a multisignature address must require at least one key to redeem"
        raise RpcError(state.INVALID_PARAMETER, told)
    pubkeys = []
    for key in keys:
        try:
            pubkey = bytes.fromhex(str(key))
        except ValueError:
            raise RpcError(state.NOT_FOUND, f'Pubkey "{key}" must be a hex string') from None
        if not bitcoin.is_point(pubkey):
            told = f'Pubkey "{key}" must be cryptographically valid.'
            raise RpcError(state.NOT_FOUND, told)
        pubkeys.append(pubkey)
    if len(pubkeys) < nrequired:
        told = f"not enough keys supplied (got {len(pubkeys)} keys, but need at least {nrequired} to redeem)"
        raise RpcError(state.INVALID_PARAMETER, told)
    if len(pubkeys) > MULTISIG_KEYS_MAX:
        told = (
            "Number of keys involved in the multisignature address creation > 20\nReduce the number"
        )
        raise RpcError(state.INVALID_PARAMETER, told)
    text = f"multi({nrequired},{','.join(key.hex() for key in pubkeys)})"
    forms = {"legacy": "sh({})", "p2sh-segwit": "sh(wsh({}))", "bech32": "wsh({})"}
    if not isinstance(address_type, str) or address_type not in forms:
        told = f"Unknown address type '{address_type}'"
        raise RpcError(state.NOT_FOUND, told)
    descriptor = parsed(forms[address_type].format(text))
    return {
        "address": bitcoin.script_to_address(descriptor.outputs()[0].script),
        "redeemScript": bitcoin.multisig_script(nrequired, pubkeys).hex(),
        "descriptor": descriptor.with_checksum,
    }


def validateaddress(node: NodeState, address: str) -> dict[str, Any]:
    """Whether a text is an address of this network, and what it means."""
    try:
        script = bitcoin.address_to_script(address)
    except bitcoin.BadAddress:
        told, places = bitcoin.address_fault(address)
        return {"isvalid": False, "error_locations": places, "error": told}
    return {
        "isvalid": True,
        "address": bitcoin.script_to_address(script),
        "scriptPubKey": script.hex(),
        **address_details(script),
    }


def address_details(script: bytes) -> dict[str, Any]:
    """What an address's script is."""
    program = bitcoin.witness_program(script)
    kinds = ("scripthash", "witness_v0_scripthash", "witness_v1_taproot")
    view: dict[str, Any] = {
        "isscript": bitcoin.script_type(script) in kinds,
        "iswitness": program is not None,
    }
    if program is not None:
        view.update(witness_version=program[0], witness_program=program[1].hex())
    return view


def signmessagewithprivkey(node: NodeState, privkey: str, message: str) -> str:
    """A text signed by a key, in base64."""
    try:
        return bitcoin.sign_message(bitcoin.parse_wif(privkey), message)
    except bitcoin.BadKey:
        raise RpcError(state.NOT_FOUND, "Invalid private key") from None


def verifymessage(node: NodeState, address: str, signature: str, message: str) -> bool:
    """Whether the key of a P2PKH address signed a text."""
    try:
        script = bitcoin.address_to_script(address)
    except bitcoin.BadAddress:
        raise RpcError(state.NOT_FOUND, "Invalid address") from None
    if bitcoin.script_type(script) != "pubkeyhash":
        raise RpcError(state.TYPE_ERROR, "Address does not refer to key")
    try:
        return bitcoin.message_signer(signature, message) == script[3:23]
    except ValueError:
        raise RpcError(state.TYPE_ERROR, "Malformed base64 encoding") from None


CALLS: dict[str, Call] = table(
    createmultisig,
    deriveaddresses,
    getdescriptorinfo,
    scantxoutset,
    signmessagewithprivkey,
    validateaddress,
    verifymessage,
)
