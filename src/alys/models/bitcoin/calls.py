"""How parameters reach a call: by position or by name, checked against the call's own signature, with bitcoind's errors.

A call is a function of the node's state and of parameters annotated ``str``, ``int``, ``float``, ``bool``, ``list`` or
``dict`` or a union of these; the names are those of bitcoind's manual. A JSON null is a parameter left out.
"""

import functools
import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin

from alys.models.bitcoin import state
from alys.models.bitcoin.state import NodeState
from alys.models.bitcoin.usage import USAGE
from alys.wire import bitcoin
from alys.wire.bitcoin import OutPoint, Tx
from alys.wire.jsonrpc import Params, RpcError

_JSON_NAMES = {
    type(None): "null",
    bool: "bool",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
INT_MAX = (1 << 31) - 1
_ALIASES = {"verbose": "verbosity"}


class Call:
    """One method of the RPC; ``usage`` is its line in the help.

    ``prepare`` makes of the node what the function works on, once the parameters were found good.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        prepare: Callable[[NodeState], Any] | None = None,
    ) -> None:
        self.name = name
        self._function = function
        self._prepare = prepare
        self._parameters = list(inspect.signature(function).parameters.values())[1:]
        if name in USAGE:
            self.usage = USAGE[name]
            return
        required = [p.name for p in self._parameters if p.default is p.empty]
        optional = [p.name for p in self._parameters if p.default is not p.empty]
        self.usage = " ".join([name, *required, *(["(", *optional, ")"] if optional else [])])

    def __call__(self, node: NodeState, params: Params) -> Any:
        """Carry the call out; raises RpcError."""
        given = self._by_name(params) if isinstance(params, dict) else params
        if len(given) > len(self._parameters):
            raise RpcError(state.MISC_ERROR, self.usage)
        arguments = []
        wrong: list[str] = []
        for position, parameter in enumerate(self._parameters):
            value = given[position] if position < len(given) else None
            if value is None and parameter.default is not parameter.empty:
                arguments.append(parameter.default)
                continue
            if position >= len(given):
                raise RpcError(state.MISC_ERROR, self.usage)
            told = _mismatch(value, parameter.annotation)
            if told is not None:
                wrong.append(f'    "Position {position + 1} ({parameter.name})": "{told}"')
            arguments.append(value)
        if wrong:
            raise RpcError(state.TYPE_ERROR, "Wrong type passed:\n{\n" + ",\n".join(wrong) + "\n}")
        first = node if self._prepare is None else self._prepare(node)
        return self._function(first, *arguments)

    def _by_name(self, params: Mapping[str, Any]) -> list[Any]:
        """Named parameters as positional ones; those before the last given one are null where they are left out."""
        names = [parameter.name for parameter in self._parameters]
        args = params.get("args")
        values = list(args) if isinstance(args, list) else []
        positional = len(values)
        for given, value in params.items():
            if given == "args" and isinstance(args, list):
                continue
            name = given if given in names else _ALIASES.get(given, given)
            if name not in names:
                raise RpcError(state.INVALID_PARAMETER, f"Unknown named parameter {given}")
            place = names.index(name)
            if place < positional:
                told = f"Parameter {name} specified twice both as positional and named argument"
                raise RpcError(state.INVALID_PARAMETER, told)
            if place < len(values) and values[place] is not None:
                told = f"Parameter {given} specified multiple times"
                raise RpcError(state.INVALID_PARAMETER, told)
            values.extend([None] * (place + 1 - len(values)))
            values[place] = value
        return values


def table(*functions: Callable[..., Any]) -> dict[str, Call]:
    """Calls by their methods' names, which are the functions' own."""
    return {function.__name__: Call(function.__name__, function) for function in functions}


def _mismatch(value: object, annotation: Any) -> str | None:
    """What is wrong with the type of a JSON value, or None."""
    if annotation is Any:
        return None
    allowed = _allowed(annotation)
    if type(value) is int and not -(1 << 63) <= value < 1 << 63:
        raise RpcError(state.MISC_ERROR, "JSON integer out of range")
    if type(value) in allowed or (type(value) is int and float in allowed):
        return None
    if type(value) is float and int in allowed:
        raise RpcError(state.MISC_ERROR, "JSON integer out of range")
    if allowed == {bool, int}:
        told = f"JSON value of type {_JSON_NAMES[type(value)]} is not of expected type number"
        raise RpcError(state.TYPE_ERROR, told)
    wanted = next(name for kind, name in _JSON_NAMES.items() if kind in allowed)
    return f"JSON value of type {_JSON_NAMES[type(value)]} is not of expected type {wanted}"


@functools.cache
def _allowed(annotation: Any) -> frozenset[Any]:
    """The types that a parameter may have."""
    union = get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    return frozenset(get_origin(kind) or kind for kind in union)


def field(given: Mapping[str, Any], name: str, kind: type, default: Any = None) -> Any:
    """A field of an object that a caller gave; where it is left out or null, ``default``. Raises RpcError -3, or -1 for a fraction."""
    value = given.get(name)
    if value is None:
        return default
    if type(value) is kind:
        return value
    if type(value) is float and kind is int:
        raise RpcError(state.MISC_ERROR, "JSON integer out of range")
    told = f"JSON value of type {_JSON_NAMES[type(value)]} for field {name} is not of expected type {_JSON_NAMES[kind]}"
    raise RpcError(state.TYPE_ERROR, told)


def place_of(item: object) -> OutPoint:
    """An outpoint that a caller gave as an object; raises RpcError -3 or -8."""
    given = item if isinstance(item, dict) else {}
    txid, vout = field(given, "txid", str), field(given, "vout", int)
    for name, value in (("txid", txid), ("vout", vout)):
        if value is None:
            raise RpcError(state.TYPE_ERROR, f"Missing {name}")
    check_vout(vout)
    return OutPoint(txid=hash_of(txid, "txid"), vout=vout)


def check_vout(vout: int) -> None:
    """Whether a number can be that of an output; raises RpcError -8 or -1."""
    if vout < 0:
        told = "Invalid parameter, vout cannot be negative"
        raise RpcError(state.INVALID_PARAMETER, told)
    if vout > INT_MAX:
        raise RpcError(state.MISC_ERROR, "JSON integer out of range")


def check_member(value: object, kind: type, field: str = "") -> None:
    """That what stands in a list, or in a field of an object, is of a type; raises RpcError -3, or -1 for a fraction."""
    told = _mismatch(value, kind)
    if told is not None:
        where = f" for field {field}" if field else ""
        raise RpcError(state.TYPE_ERROR, told.replace(" is not of", f"{where} is not of", 1))


def hash_of(value: str, name: str) -> str:
    """A hash that a caller gave, in lower case; raises RpcError -8."""
    if len(value) != 64:
        raise RpcError(
            state.INVALID_PARAMETER,
            f"{name} must be of length 64 (not {len(value)}, for '{value}')",
        )
    try:
        bitcoin.unshown(value)
    except bitcoin.MalformedBitcoin:
        raise RpcError(
            state.INVALID_PARAMETER, f"{name} must be hexadecimal string (not '{value}')"
        ) from None
    return value.lower()


def transaction_of(value: str, told: str = "TX decode failed.") -> Tx:
    """A transaction that a caller gave in hex; raises RpcError -22."""
    try:
        return bitcoin.parse_tx(bytes.fromhex(value))
    except (ValueError, bitcoin.MalformedBitcoin):
        raise RpcError(
            state.DESERIALIZATION_ERROR, f"{told} Make sure the tx has at least one input."
        ) from None


def address_script(value: str) -> bytes:
    """The script of an address that a caller gave; raises RpcError -5."""
    try:
        return bitcoin.address_to_script(value)
    except bitcoin.BadAddress:
        raise RpcError(state.NOT_FOUND, "Error: Invalid address") from None


def money_of(value: object) -> int:
    """An amount that a caller gave in coins, in sats; raises RpcError -3."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise RpcError(state.TYPE_ERROR, "Amount is not a number or string")
    try:
        sats = bitcoin.sats_of(value)
    except bitcoin.MalformedBitcoin:
        raise RpcError(state.TYPE_ERROR, "Invalid amount") from None
    if not 0 <= sats <= 21_000_000 * 10**8:
        raise RpcError(state.TYPE_ERROR, "Amount out of range")
    return sats
