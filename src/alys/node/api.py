"""The node's JSON-RPC (port 3000 in the field): a method becomes one question to one actor, its answer becomes JSON.

createauxblock, submitauxblock, getdepositaddress, getheadblock, getblockbyheight, getblockbyhash and getqueuedpow are the
sidechain's own; the ``alys_`` methods show what its engineers ask next. ``docs/reference/node-rpc.md`` is the page of all of
them. Pure: the shell that owns the socket asks.

A call is answered in the version that it speaks. Version 1.0, the field's: ``params`` must be there, though a single one may
stand bare; the answer has ``result``, ``error`` and ``id``, and a refusal its HTTP status. Version 2.0 (``"jsonrpc": "2.0"``):
``params`` may be left out, the answer has ``result`` or ``error``, and its status is 200 unless the node is syncing.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from alys.actors.message import Request
from alys.base.errors import AlysError
from alys.chain import blocks, spec_document
from alys.chain.blocks import AuxPowHeader, SignedBlock
from alys.chain.spec import ChainSpec
from alys.node import (
    federation_desk,
    health,
    messages,
    network,
    operations,
    peers,
    questions,
    storage,
    stream,
    sync,
)
from alys.node.work import NO_WORK, SYNCING
from alys.wire import bitcoin, ethereum
from alys.wire.jsonrpc import INVALID_REQUEST, PARSE_ERROR, RpcError

METHOD_NOT_FOUND = -32601
BAD_PARAMS = -32602
BLOCK_NOT_FOUND = -32604
FAILED = -32605
"""Something inside the node did not answer; the message says what. Upstream's debug error."""

STATUSES = {
    PARSE_ERROR: 400,
    INVALID_REQUEST: 200,
    METHOD_NOT_FOUND: 404,
    BAD_PARAMS: 400,
    BLOCK_NOT_FOUND: 200,
    FAILED: 500,
    SYNCING: 503,
    NO_WORK: 200,
}
"""HTTP status of a refusal in version 1.0."""

HEIGHT_BITS = 64

_SNAPSHOT_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask, what, and how to show the answer."""

    actor: str
    """``chain``, ``bridge``, ``stream`` or ``storage``."""
    request: Request[Any]
    show: Callable[[Any], Any]


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table: what a call takes, in order, and the question that it becomes."""

    make: Callable[..., Question]
    takes: tuple[str, ...] = ()
    optional: int = 0
    """How many of the last parameters may be left out."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call as it came, sound as far as its frame goes."""

    method: str
    params: list[Any]
    id: Any
    modern: bool
    """It speaks version 2.0."""


class Refused(AlysError):
    """What came is no call."""

    def __init__(self, reason: str, name: Any, modern: bool) -> None:
        super().__init__(f"Invalid Request: {reason}")
        self.id = name
        self.modern = modern


def read_call(came: Any) -> Call:
    """The call in a decoded body; raises Refused, which knows how to answer it, when it is none."""
    modern = isinstance(came, dict) and came.get("jsonrpc") == "2.0"
    name = came.get("id") if isinstance(came, dict) else None
    if not isinstance(came, dict) or not isinstance(came.get("method"), str):
        raise Refused("a call is an object with a method", name, modern)
    params = came.get("params")
    if params is None:
        if not modern:
            raise Refused("params are missing; send [] where there are none", name, modern)
        params = []
    listed = params if isinstance(params, list) else [params]
    return Call(method=came["method"], params=listed, id=name, modern=modern)


def told(name: Any, modern: bool, outcome: Any) -> tuple[int, dict[str, Any]]:
    """HTTP status and body of the answer to one call; ``outcome`` is its result, or the RpcError that refuses it."""
    error: dict[str, Any] | None = None
    status = 200
    if isinstance(outcome, RpcError):
        error = {"code": outcome.code, "message": outcome.message}
        if outcome.data is not None:
            error["data"] = outcome.data
        if not modern or outcome.code == SYNCING:
            status = STATUSES.get(outcome.code, 200)
    if not modern:
        return status, {"result": None if error else outcome, "error": error, "id": name}
    body = {"result": outcome} if error is None else {"error": error}
    return status, {"jsonrpc": "2.0", **body, "id": name}


def question(spec: ChainSpec, method: str, params: list[Any]) -> Question | str | dict[str, Any]:
    """The question that a call asks, or at once its answer. Raises RpcError for a call that is wrong."""
    asked = METHODS.get(method)
    if asked is None and method not in AT_ONCE:
        raise RpcError(METHOD_NOT_FOUND, f"Method not found: {method}")
    takes, optional = (asked.takes, asked.optional) if asked is not None else ((), 0)
    if not len(takes) - optional <= len(params) <= len(takes):
        raise RpcError(BAD_PARAMS, f"Invalid params: {method} takes {_counted(takes, optional)}")
    if asked is None:
        return AT_ONCE[method](spec)
    try:
        return asked.make(*params)
    except (ValueError, ethereum.BadEthereumData) as error:
        raise RpcError(BAD_PARAMS, f"Invalid params: {method}: {error}") from error


def _counted(takes: tuple[str, ...], optional: int) -> str:
    if not takes:
        return "no parameters"
    needed = takes[: len(takes) - optional]
    return ", ".join((*needed, *(f"[{name}]" for name in takes[len(needed) :])))


Ask = Callable[[str, Request[Any]], Awaitable[Any]]
"""Asks one of the node's actors, named as ``Question.actor`` says."""


async def answer(spec: ChainSpec, ask: Ask, method: str, params: list[Any]) -> Any:
    """The result of one call as JSON values; raises RpcError."""
    asked = question(spec, method, params)
    if not isinstance(asked, Question):
        return asked
    try:
        return asked.show(await ask(asked.actor, asked.request))
    except RpcError:
        raise
    except AlysError as error:
        raise RpcError(FAILED, f"{asked.actor} did not answer: {error}") from error


# Parameters


def _hex(text: Any, name: str, length: int | None = None) -> bytes:
    """Bytes of a parameter, with or without 0x; of exactly this length where one is given."""
    if not isinstance(text, str):
        raise ValueError(f"{name} must be a string of hex digits")
    return ethereum.from_data("0x" + text.removeprefix("0x"), length, name)


def _text(text: Any, name: str) -> str:
    if not isinstance(text, str):
        raise ValueError(f"{name} must be a string")
    return text


def _height(number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError("height must be a number")
    if not 0 <= number < 1 << HEIGHT_BITS:
        raise ValueError(f"height {number} is none")
    return number


# Questions


def _create_aux_block(address: Any) -> Question:
    request = questions.CreateAuxBlock(fee_recipient=_hex(address, "address", 20))
    return Question(actor="chain", request=request, show=show_work)


def _submit_aux_block(aux_hash: Any, auxpow: Any) -> Question:
    request = questions.SubmitAuxBlock(
        aux_hash=_hex(aux_hash, "hash", 32), auxpow=_hex(auxpow, "auxpow")
    )
    return Question(actor="chain", request=request, show=_true)


def _block_by_height(height: Any) -> Question:
    request = questions.GetBlockAt(height=_height(height))
    return Question(actor="chain", request=request, show=_show_block)


def _block_by_hash(root: Any) -> Question:
    request = questions.GetBlockByRoot(root=_hex(root, "hash", 32))
    return Question(actor="chain", request=request, show=_show_block)


def _head_block() -> Question:
    request = questions.GetBlockAt(height=questions.HEAD)
    return Question(actor="chain", request=request, show=_show_block)


def _queued_pow() -> Question:
    return Question(actor="chain", request=questions.GetQueuedPow(), show=_show_queued)


def _status() -> Question:
    return Question(actor="chain", request=messages.GetStatus(), show=_show_status)


def _operations() -> Question:
    return Question(actor="bridge", request=operations.ListOperations(), show=_show_all)


def _operation(name: Any) -> Question:
    request = operations.GetOperation(id=_text(name, "id"))
    return Question(actor="bridge", request=request, show=_show_one)


def _incidents() -> Question:
    return Question(actor="bridge", request=operations.ListIncidents(), show=_show_all)


def _announce_deposit(txid: Any) -> Question:
    request = messages.AnnounceDeposit(txid=_hex(txid, "txid", 32).hex())
    return Question(actor="bridge", request=request, show=bool)


def _pause_production(reason: Any = "by request", seconds: Any = None) -> Question:
    if seconds is not None and (
        isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0
    ):
        raise ValueError("seconds must be a number above 0")
    request = questions.PauseProduction(reason=_text(reason, "reason"), seconds=seconds)
    return Question(actor="chain", request=request, show=_true)


def _resume_production() -> Question:
    return Question(actor="chain", request=questions.ResumeProduction(), show=_true)


def _snapshot(name: Any = "") -> Question:
    text = _text(name, "name") if name else ""
    if text and not _SNAPSHOT_NAME.fullmatch(text):
        raise ValueError(
            "name has what a folder cannot be called; letters, digits, - and _ can stand"
        )
    request = storage.TakeSnapshot(name=text)
    return Question(actor="storage", request=request, show=msgspec.structs.asdict)


def _peers() -> Question:
    return Question(actor="network", request=network.GetPeers(), show=_show_all)


def _peer_records() -> Question:
    return Question(actor="peer", request=peers.GetPeerRecords(), show=_show_all)


def _sync() -> Question:
    return Question(actor="sync", request=sync.GetSyncStatus(), show=_show_sync)


def _health() -> Question:
    return Question(actor="health", request=health.GetHealth(), show=health.show)


def _governance() -> Question:
    return Question(actor="stream", request=stream.GetStreamStatus(), show=_show_all)


def _announcements() -> Question:
    request = stream.GetAnnouncements()
    return Question(actor="stream", request=request, show=msgspec.structs.asdict)


def _federation() -> Question:
    request = federation_desk.GetGovernance()
    return Question(actor="chain", request=request, show=_show_governance)


def _deposit_address() -> Question:
    return Question(actor="chain", request=federation_desk.GetDepositAddress(), show=str)


METHODS: dict[str, Method] = {
    "createauxblock": Method(make=_create_aux_block, takes=("address",)),
    "submitauxblock": Method(make=_submit_aux_block, takes=("hash", "auxpow")),
    "getblockbyheight": Method(make=_block_by_height, takes=("height",)),
    "getblockbyhash": Method(make=_block_by_hash, takes=("hash",)),
    "getheadblock": Method(make=_head_block),
    "getqueuedpow": Method(make=_queued_pow),
    "alys_status": Method(make=_status),
    "alys_operations": Method(make=_operations),
    "alys_operation": Method(make=_operation, takes=("id",)),
    "alys_incidents": Method(make=_incidents),
    "alys_announceDeposit": Method(make=_announce_deposit, takes=("txid",)),
    "alys_pauseProduction": Method(make=_pause_production, takes=("reason", "seconds"), optional=2),
    "alys_resumeProduction": Method(make=_resume_production),
    "alys_snapshot": Method(make=_snapshot, takes=("name",), optional=1),
    "alys_peers": Method(make=_peers),
    "alys_peerRecords": Method(make=_peer_records),
    "alys_sync": Method(make=_sync),
    "alys_health": Method(make=_health),
    "alys_governance": Method(make=_governance),
    "alys_announcements": Method(make=_announcements),
    "alys_federation": Method(make=_federation),
    "getdepositaddress": Method(make=_deposit_address),
}
"""What an actor is asked. What follows from the specification stands in ``AT_ONCE``."""

AT_ONCE: dict[str, Callable[[ChainSpec], str | dict[str, Any]]] = {
    "alys_spec": spec_document.write,
}


# Answers


def _true(_: Any) -> bool:
    return True


def show_work(work: questions.AuxWork) -> dict[str, Any]:
    """As namecoin's createauxblock shows it, keys in its order; ``_target`` in the order of a header's bytes."""
    target = bitcoin.target_of(work.bits)
    return {
        "hash": work.aux_hash.hex(),
        "chainid": work.chain_id,
        "previousblockhash": work.previous.hex(),
        "coinbasevalue": 0,
        "bits": f"{work.bits:08x}",
        "height": work.height,
        "_target": target.to_bytes(32, "little").hex(),
    }


def _show_block(block: SignedBlock | None) -> dict[str, Any]:
    if block is None:
        raise RpcError(BLOCK_NOT_FOUND, "Block not found")
    return blocks.to_json(block)


def _show_queued(header: AuxPowHeader | None) -> dict[str, Any] | None:
    return None if header is None else blocks.header_to_json(header)


def _show_status(status: messages.ChainStatus) -> dict[str, Any]:
    return {
        "state": status.state,
        "reason": status.reason,
        "height": status.height,
        "headRoot": ethereum.to_data(status.head_root),
        "executionHash": ethereum.to_data(status.execution_hash),
        "slot": status.slot,
        "finalisedHeight": status.finalised_height,
        "minted": status.minted,
        "refusals": [
            {"root": root, "authority": int(authority), "reason": reason}
            for root, authority, reason in status.refusals
        ],
    }


def _show_one(row: msgspec.Struct | None) -> dict[str, Any] | None:
    return None if row is None else msgspec.structs.asdict(row)


def _show_federation(one: federation_desk.FederationView) -> dict[str, Any]:
    return {
        "keys": [key.hex() for key in one.keys],
        "threshold": one.threshold,
        "script": one.script.hex(),
        "address": one.address,
        "fromHeight": one.from_height,
        "depositsUntil": one.deposits_until,
    }


def _show_governance(view: federation_desk.GovernanceView) -> dict[str, Any]:
    return {
        "federations": [_show_federation(one) for one in view.federations],
        "pending": None if view.pending is None else _show_federation(view.pending),
        "retiredCoins": view.retired_coins,
        "retiredSats": view.retired_sats,
        "owedGwei": view.owed_gwei,
        "halt": {
            "number": view.halt.number,
            "inForce": view.halt.in_force,
            "reason": view.halt.reason,
        },
        "refused": view.refused,
        "proposals": [
            {**msgspec.structs.asdict(one), "data": one.data.hex()} for one in view.proposals
        ],
    }


def _show_all(rows: tuple[msgspec.Struct, ...]) -> list[dict[str, Any]]:
    return [msgspec.structs.asdict(row) for row in rows]


def _show_sync(status: sync.SyncStatus) -> dict[str, Any]:
    return {
        "phase": status.phase,
        "synced": status.synced,
        "ownHeight": status.own_height,
        "bestHeight": status.best_height,
        "peer": status.peer,
        "checkpoints": list(status.checkpoints),
        "claims": [
            {"peer": peer, "height": height, "believed": believed}
            for peer, height, believed in status.claims
        ],
    }
