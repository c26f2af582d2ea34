"""The calls about the process rather than the chain. Each raises RpcError as bitcoind does."""

from typing import Any

from alys.models.bitcoin import state
from alys.models.bitcoin.calls import Call, check_member, table
from alys.models.bitcoin.state import NodeState
from alys.wire.jsonrpc import RpcError

MOCK_TIME_MAX = 9_223_372_036
_LOCKED_BYTES = 262_144


def setmocktime(node: NodeState, timestamp: int) -> None:
    """Stop the clock at a Unix time in seconds; 0 lets it go on."""
    if not 0 <= timestamp <= MOCK_TIME_MAX:
        told = f"Mocktime must be in the range [0, {MOCK_TIME_MAX}], not {timestamp}."
        raise RpcError(state.INVALID_PARAMETER, told)
    node.mock_time = timestamp


def mockscheduler(node: NodeState, delta_time: int) -> None:
    """Nothing is scheduled here, so nothing comes sooner."""
    if not 0 < delta_time <= 3600:
        told = "delta_time must be between 1 and 3600 seconds (1 hr)"
        raise RpcError(state.MISC_ERROR, told)


def syncwithvalidationinterfacequeue(node: NodeState) -> None:
    """Everybody has been told of everything before a call is answered."""


def uptime(node: NodeState) -> int:
    """Seconds since the node came up."""
    return node.uptime_seconds


def stop(node: NodeState, wait: int | None = None) -> str:
    """Ask the node's owner to end it; until then it goes on answering."""
    node.stop_requested = True
    return "Bitcoin Core stopping"


def getmemoryinfo(node: NodeState, mode: str = "stats") -> dict[str, Any] | str:
    """What is kept out of swap: nothing, in the shape of a pool that is free."""
    if mode == "mallocinfo":
        raise RpcError(state.INVALID_PARAMETER, "mallocinfo mode not available")
    if mode != "stats":
        raise RpcError(state.INVALID_PARAMETER, f"unknown mode {mode}")
    return {
        "locked": {
            "used": 0,
            "free": _LOCKED_BYTES,
            "total": _LOCKED_BYTES,
            "locked": 0,
            "chunks_used": 0,
            "chunks_free": 1,
        }
    }


def getrpcinfo(node: NodeState) -> dict[str, Any]:
    """The call that is being answered, which is this one; logs go to standard error."""
    return {"active_commands": [{"method": "getrpcinfo", "duration": 0}], "logpath": ""}


def logging(
    node: NodeState, include: list[Any] | None = None, exclude: list[Any] | None = None
) -> dict[str, bool]:
    """Which categories were asked for."""
    for names, wanted in ((include or (), True), (exclude or (), False)):
        for name in names:
            check_member(name, str)
            if name in ("", "1", "all", "0", "none"):
                node.logged = dict.fromkeys(node.logged, wanted)
            elif name in node.logged:
                node.logged[name] = wanted
            else:
                raise RpcError(state.INVALID_PARAMETER, f"unknown logging category {name}")
    return dict(node.logged)


def getzmqnotifications(node: NodeState) -> list[Any]:
    """Nobody is notified over ZeroMQ."""
    return []


def echo(
    node: NodeState,
    arg0: Any = None,
    arg1: Any = None,
    arg2: Any = None,
    arg3: Any = None,
    arg4: Any = None,
    arg5: Any = None,
    arg6: Any = None,
    arg7: Any = None,
    arg8: Any = None,
    arg9: Any = None,
) -> list[Any]:
    """The arguments."""
    given = [arg0, arg1, arg2, arg3, arg4, arg5, arg6, arg7, arg8, arg9]
    while given and given[-1] is None:
        given.pop()
    return given


CALLS: dict[str, Call] = table(
    echo,
    getmemoryinfo,
    getrpcinfo,
    getzmqnotifications,
    logging,
    mockscheduler,
    setmocktime,
    stop,
    syncwithvalidationinterfacequeue,
    uptime,
)
