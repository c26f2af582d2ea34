"""The calls that bitcoind answers only when something has happened.

A model does not wait: it says what a call waits for, and whoever serves it waits before it has the call answered. In
simulation nobody does, and the answer is what bitcoind says when the time is over.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from alys.models.bitcoin.state import NodeState
from alys.wire.jsonrpc import Params, RpcError

LONG_POLL_SECONDS = 60.0


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """What a call waits for; with ``seconds`` 0 for ever."""

    over: Callable[[], bool]
    seconds: float


def wait_of(node: NodeState, method: str, params: Params) -> Wait | None:
    """What a call waits for, None for one that is answered at once or that is no good."""
    make = _WAITS.get(method)
    if make is None:
        return None
    try:
        return make(node, params)
    except (RpcError, TypeError, ValueError, IndexError, AttributeError):
        return None  # the call will say what is wrong with it


def _given(params: Params, place: int, name: str, default: Any) -> Any:
    if isinstance(params, dict):
        positional = params.get("args", [])
        value = params.get(name, positional[place] if place < len(positional) else None)
    else:
        value = params[place] if place < len(params) else None
    return default if value is None else value


def _new_block(node: NodeState, params: Params) -> Wait | None:
    tip = _given(params, 1, "current_tip", node.chain.tip.hash)
    return _wait(params, 0, lambda: node.chain.tip.hash != tip)


def _block(node: NodeState, params: Params) -> Wait | None:
    wanted = str(_given(params, 0, "blockhash", "")).lower()
    return _wait(params, 1, lambda: node.chain.tip.hash == wanted) if len(wanted) == 64 else None


def _height(node: NodeState, params: Params) -> Wait | None:
    wanted = int(_given(params, 0, "height", 0))
    return _wait(params, 1, lambda: node.chain.tip.height >= wanted)


def _wait(params: Params, place: int, over: Callable[[], bool]) -> Wait | None:
    milliseconds = int(_given(params, place, "timeout", 0))
    return Wait(over=over, seconds=milliseconds / 1000) if milliseconds >= 0 else None


def _template(node: NodeState, params: Params) -> Wait | None:
    """BIP22's long polling: until there is another tip, or after a minute, when the mempool may have changed."""
    request = _given(params, 0, "template_request", {})
    known = request.get("longpollid", "")
    if (
        not isinstance(known, str)
        or len(known) < 64
        or request.get("mode", "template") != "template"
    ):
        return None
    return Wait(over=lambda: node.chain.tip.hash != known[:64], seconds=LONG_POLL_SECONDS)


_WAITS: dict[str, Callable[[NodeState, Params], Wait | None]] = {
    "getblocktemplate": _template,
    "waitforblock": _block,
    "waitforblockheight": _height,
    "waitfornewblock": _new_block,
}
