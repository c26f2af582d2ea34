"""The node's JSON-RPC (port 3000 in the field): a method becomes one question to one actor, its answer becomes JSON.

createauxblock, submitauxblock, getdepositaddress, getheadblock, getblockbyheight, getblockbyhash and getqueuedpow are the
sidechain's own; the ``alys_`` methods show what its engineers ask next. A pure table: the shell that owns the socket asks.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from alys.actors.errors import ActorError
from alys.actors.message import Request
from alys.chain import blocks, spec_document
from alys.chain.blocks import AuxPowHeader, SignedBlock
from alys.chain.spec import ChainSpec
from alys.node import messages, operations, questions, stream
from alys.wire import ethereum
from alys.wire.jsonrpc import INTERNAL_ERROR, RpcError

METHOD_NOT_FOUND = -32601
BAD_PARAMS = -32602
BLOCK_NOT_FOUND = -32604


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask, what, and how to show the answer."""

    actor: str
    """``chain``, ``bridge`` or ``stream``."""
    request: Request[Any]
    show: Callable[[Any], Any]


def question(spec: ChainSpec, method: str, params: list[Any]) -> Question | str | dict[str, Any]:
    """The question that a call asks, or at once its answer. Raises RpcError for a call that is wrong."""
    if method == "getdepositaddress":
        return spec.federation.address(spec.network)
    if method == "alys_spec":
        return spec_document.write(spec)
    make = _QUESTIONS.get(method)
    if make is None:
        raise RpcError(METHOD_NOT_FOUND, f"Method not found: {method}")
    try:
        return make(*params)
    except (TypeError, ValueError, ethereum.BadEthereumData) as error:
        raise RpcError(BAD_PARAMS, f"{method}: {error}") from error


Ask = Callable[[str, Request[Any]], Awaitable[Any]]
"""Asks one of the node's actors, named ``chain``, ``bridge`` or ``stream``."""


async def answer(spec: ChainSpec, ask: Ask, method: str, params: list[Any]) -> Any:
    """The result of one call as JSON values; raises RpcError."""
    asked = question(spec, method, params)
    if not isinstance(asked, Question):
        return asked
    try:
        return asked.show(await ask(asked.actor, asked.request))
    except ActorError as error:
        raise RpcError(INTERNAL_ERROR, f"{asked.actor} did not answer: {error}") from error


def _create_aux_block(address: str) -> Question:
    recipient = ethereum.from_data(address, 20, "address")
    return Question(
        actor="chain", request=questions.CreateAuxBlock(fee_recipient=recipient), show=_show_work
    )


def _submit_aux_block(aux_hash: str, auxpow: str) -> Question:
    request = questions.SubmitAuxBlock(
        aux_hash=bytes.fromhex(aux_hash), auxpow=bytes.fromhex(auxpow)
    )
    return Question(actor="chain", request=request, show=lambda _: True)


def _block_by_height(height: int) -> Question:
    request = questions.GetBlockAt(height=int(height))
    return Question(actor="chain", request=request, show=_show_block)


def _block_by_hash(root: str) -> Question:
    request = questions.GetBlockByRoot(root=ethereum.from_data(root, 32, "root"))
    return Question(actor="chain", request=request, show=_show_block)


_QUESTIONS: dict[str, Callable[..., Question]] = {
    "createauxblock": _create_aux_block,
    "submitauxblock": _submit_aux_block,
    "getblockbyheight": _block_by_height,
    "getblockbyhash": _block_by_hash,
    "getheadblock": lambda: Question(
        actor="chain", request=questions.GetBlockAt(height=questions.HEAD), show=_show_block
    ),
    "getqueuedpow": lambda: Question(
        actor="chain", request=questions.GetQueuedPow(), show=_show_queued
    ),
    "alys_status": lambda: Question(actor="chain", request=messages.GetStatus(), show=_show_status),
    "alys_operations": lambda: Question(
        actor="bridge", request=operations.ListOperations(), show=_show_all
    ),
    "alys_operation": lambda operation: Question(
        actor="bridge", request=operations.GetOperation(id=str(operation)), show=_show_one
    ),
    "alys_incidents": lambda: Question(
        actor="bridge", request=operations.ListIncidents(), show=_show_all
    ),
    "alys_announceDeposit": lambda txid: Question(
        actor="bridge", request=messages.AnnounceDeposit(txid=str(txid)), show=lambda found: found
    ),
    "alys_pauseProduction": lambda reason="by request": Question(
        actor="chain", request=questions.PauseProduction(reason=str(reason)), show=lambda _: True
    ),
    "alys_resumeProduction": lambda: Question(
        actor="chain", request=questions.ResumeProduction(), show=lambda _: True
    ),
    "alys_governance": lambda: Question(
        actor="stream", request=stream.GetStreamStatus(), show=_show_all
    ),
}


def _show_work(work: questions.AuxWork) -> dict[str, Any]:
    return {
        "hash": work.aux_hash.hex(),
        "chainid": work.chain_id,
        "previousblockhash": work.previous.hex(),
        "coinbasevalue": 0,
        "bits": f"{work.bits:08x}",
        "height": work.height,
    }


def _show_block(block: SignedBlock | None) -> dict[str, Any]:
    if block is None:
        raise RpcError(BLOCK_NOT_FOUND, "Block not found")
    return blocks.to_json(block)


def _show_queued(header: AuxPowHeader | None) -> dict[str, Any] | None:
    if header is None:
        return None
    return {"height": header.height, "rangeEnd": ethereum.to_data(header.range_end)}


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


def _show_all(rows: tuple[msgspec.Struct, ...]) -> list[dict[str, Any]]:
    return [msgspec.structs.asdict(row) for row in rows]
