"""EngineActor: consensus's hands on the execution client. It speaks the Engine API and nothing else decides for it.

Acceptance of a payload is VALID with latestValidHash equal to its hash, and nothing else: INVALID carries a hash too (that of
the last valid ancestor), and SYNCING and ACCEPTED are no judgement at all.

A client that is away is no reason to begin again. Who wants a payload or a judgement is told at once; what has to follow an import,
and what a start begins with, is tried for a while, which leaves the supervisor's budget of restarts for what needs it.
"""

from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar, cast

import msgspec
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.message import Message, Request
from alys.actors.promise import Promise
from alys.base.units import Wei
from alys.chain import blocks, peg
from alys.node import ports
from alys.node.checked import Checked
from alys.node.errors import NO_ANSWER, EngineRefused, PortDown
from alys.wire import engine as wire
from alys.wire import ethereum
from alys.wire.engine import ExecutionPayload, ForkchoiceState, PayloadAttributes, Withdrawal
from alys.wire.jsonrpc import RpcError

T = TypeVar("T")

PATIENCE_SECONDS = 15.0
"""Node seconds that a client may be away before who has to have its answer is told."""
AGAIN_SECONDS = 1.0
"""Node seconds between two tries."""
PATIENT_ASK_SECONDS = 30.0
"""The deadline of an ask that may wait for the client."""

CAPABILITIES = (
    "engine_forkchoiceUpdatedV2",
    "engine_getPayloadV2",
    "engine_newPayloadV2",
)


class GetGenesis(Request[ExecutionPayload], frozen=True, kw_only=True):
    """The execution client's block that the chain starts from. Fails with EngineRefused when the client does not have it."""

    block_hash: bytes


class BuildPayload(Request[ExecutionPayload], frozen=True, kw_only=True):
    """Build a block on the head. Fails with EngineRefused when the client builds nothing."""

    parent_hash: bytes
    finalised_hash: bytes
    timestamp: int
    withdrawals: tuple[Withdrawal, ...]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The client's judgement of a payload."""

    valid: bool
    reason: str = ""
    judged: bool = True
    """False: neither VALID of this very payload nor INVALID; the client cannot tell."""


class ExecutePayload(Request[Verdict], frozen=True, kw_only=True):
    """Execute a payload, without making it the head. Fails with EngineRefused when the client does not answer."""

    timeout_seconds: ClassVar[float] = PATIENT_ASK_SECONDS
    payload: ExecutionPayload
    patient: bool = False
    """Wait a while for a client that is away."""


class SetHead(Request[None], frozen=True, kw_only=True):
    """Make an executed payload the head. Fails with EngineRefused unless the client says VALID in a while."""

    timeout_seconds: ClassVar[float] = PATIENT_ASK_SECONDS
    head_hash: bytes
    finalised_hash: bytes


class PayloadFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a payload did that the next block must answer for."""

    requests: tuple[ethereum.PegOutEvent, ...]
    tips: Wei


class GetPayloadFacts(Request[PayloadFacts], frozen=True, kw_only=True):
    """Peg-out requests (in log order) and tips of an executed payload, from its receipts; waits a while for a client that is away."""

    timeout_seconds: ClassVar[float] = PATIENT_ASK_SECONDS
    block_hash: bytes
    base_fee_per_gas: int
    imported: bool = False
    """Whether the block is the head now: then the bridge is told of every request in it."""


class BurnDetected(Message, frozen=True, kw_only=True):
    """To the bridge: coins were burnt for a peg-out. The operation's correlation id begins here."""

    operation: str
    tx_hash: str
    log_index: int
    caller: bytes
    address: bytes
    wei: str
    """In decimal: amounts may exceed 64 bits."""
    block_hash: bytes


class TryAgain(Message, frozen=True, kw_only=True):
    """What the client did not do may go better now."""

    number: int


Vital = ExecutePayload | SetHead | GetPayloadFacts


class _Waiting(msgspec.Struct, frozen=True, kw_only=True):
    request: Vital
    promise: Promise
    until: float


class Engine(Checked):
    """See the module's docstring. Names are registered ones: the client's port, and the bridge (None: there is none)."""

    def __init__(self, client: str, bridge: str | None) -> None:
        self._client = client
        self._bridge = bridge
        self._tries = 0
        self._waiting: dict[int, _Waiting] = {}

    @override
    async def on_start(self, ctx: Context) -> None:
        """Ask the client what it can do; an execution client that cannot do V2 is none of ours."""
        able = await self._call(ctx, "engine_exchangeCapabilities", list(CAPABILITIES))
        missing = [name for name in CAPABILITIES if name not in able]
        if missing:
            raise EngineRefused("engine_exchangeCapabilities", f"lacks {', '.join(missing)}")

    async def on_get_genesis(self, message: GetGenesis, ctx: Context) -> ExecutionPayload:
        """See GetGenesis."""
        wanted = ethereum.to_data(message.block_hash)
        block = await self._call(ctx, "eth_getBlockByHash", wanted, False)
        if block is None:
            raise EngineRefused("eth_getBlockByHash", f"no block {wanted}, where the chain starts")
        return blocks.payload_from_rpc_block(block)

    async def on_build_payload(self, message: BuildPayload, ctx: Context) -> ExecutionPayload:
        """forkchoiceUpdated with attributes, then getPayload."""
        return await _or_refuse(self._build(message, ctx), ctx)

    async def _build(self, message: BuildPayload, ctx: Context) -> ExecutionPayload:
        attributes = PayloadAttributes(
            timestamp=message.timestamp,
            prev_randao=bytes(32),
            suggested_fee_recipient=ethereum.BURN_ADDRESS,
            withdrawals=message.withdrawals,
        )
        answer = await self._forkchoice(
            ctx, message.parent_hash, message.finalised_hash, attributes.to_json()
        )
        if answer.payload_id is None:
            raise EngineRefused("engine_forkchoiceUpdatedV2", "no payload id")
        built = await self._call(ctx, "engine_getPayloadV2", ethereum.to_data(answer.payload_id))
        payload = ExecutionPayload.from_json(built["executionPayload"])
        if payload.parent_hash != message.parent_hash:
            raise EngineRefused("engine_getPayloadV2", "a payload on another parent")
        return payload

    async def on_execute_payload(self, message: ExecutePayload, ctx: Context) -> None:
        """newPayload, judged by ``accepts``."""
        await self._answer(message, PATIENCE_SECONDS if message.patient else 0.0, ctx)

    async def on_set_head(self, message: SetHead, ctx: Context) -> None:
        """forkchoiceUpdated without attributes."""
        await self._answer(message, PATIENCE_SECONDS, ctx)

    async def on_get_payload_facts(self, message: GetPayloadFacts, ctx: Context) -> None:
        """Read the receipts once; tell the bridge of each request when the block is the head."""
        await self._answer(message, PATIENCE_SECONDS, ctx)

    async def on_try_again(self, message: TryAgain, ctx: Context) -> None:
        """Carry out what waits."""
        await self._try(self._waiting.pop(message.number), ctx)

    async def _answer(self, request: Vital, patience: float, ctx: Context) -> None:
        waiting = _Waiting(request=request, promise=ctx.defer(), until=ctx.now() + patience)
        await self._try(waiting, ctx)

    async def _try(self, waiting: _Waiting, ctx: Context) -> None:
        """Answer, now or later."""
        try:
            waiting.promise.complete(await self._carry_out(waiting.request, ctx))
        except EngineRefused as error:
            if ctx.now() >= waiting.until:
                waiting.promise.fail(error)
                return
            self._tries += 1
            self._waiting[self._tries] = waiting
            ctx.after(AGAIN_SECONDS, TryAgain(number=self._tries))

    async def _carry_out(self, request: Vital, ctx: Context) -> Verdict | PayloadFacts | None:
        match request:
            case ExecutePayload():
                return await self._execute(request, ctx)
            case GetPayloadFacts():
                return await self._facts(request, ctx)
            case SetHead(head_hash=head, finalised_hash=finalised):
                await self._forkchoice(ctx, head, finalised, None)
                return None

    async def _execute(self, message: ExecutePayload, ctx: Context) -> Verdict:
        answer = await self._call(ctx, "engine_newPayloadV2", message.payload.to_json())
        status = wire.PayloadStatus.from_json(answer)
        return accepts(status, message.payload.block_hash)

    async def _facts(self, message: GetPayloadFacts, ctx: Context) -> PayloadFacts:
        receipts = await self._call(
            ctx, "eth_getBlockReceipts", ethereum.to_data(message.block_hash)
        )
        if receipts is None:
            raise EngineRefused("eth_getBlockReceipts", f"no block {message.block_hash.hex()}")
        requests = tuple(
            ethereum.decode_request_peg_out(log)
            for receipt in receipts
            for log in receipt["logs"]
            if ethereum.is_request_peg_out(log)
        )
        if message.imported and self._bridge is not None:
            for request in requests:
                operation = f"pegout:{request.tx_hash}:{request.log_index}"
                burn = BurnDetected(
                    operation=operation,
                    tx_hash=request.tx_hash,
                    log_index=request.log_index,
                    caller=request.caller,
                    address=request.address,
                    wei=str(request.wei),
                    block_hash=message.block_hash,
                )
                ctx.tell(ctx.whereis(self._bridge), burn, about=operation)
        tips = peg.block_tips(receipts, message.base_fee_per_gas)
        return PayloadFacts(requests=requests, tips=tips)

    async def _forkchoice(
        self, ctx: Context, head: bytes, finalised: bytes, attributes: dict[str, Any] | None
    ) -> wire.ForkchoiceAnswer:
        state = ForkchoiceState(
            head_block_hash=head, safe_block_hash=finalised, finalized_block_hash=finalised
        )
        answer = wire.ForkchoiceAnswer.from_json(
            await self._call(ctx, "engine_forkchoiceUpdatedV2", state.to_json(), attributes)
        )
        verdict = accepts(answer.payload_status, head)
        if not verdict.valid:
            raise EngineRefused("engine_forkchoiceUpdatedV2", verdict.reason)
        return answer

    async def _call(self, ctx: Context, method: str, *params: Any) -> Any:
        try:
            return await ctx.ask(
                ctx.whereis(self._client), ports.JsonRpcCall(method=method, params=params)
            )
        except (RpcError, PortDown, *NO_ANSWER) as error:
            raise EngineRefused(method, str(error)) from error


async def _or_refuse(work: Coroutine[Any, Any, T], ctx: Context) -> T:
    """What comes of the work; a client that refuses or is away is the asker's to deal with, and no reason to begin again."""
    try:
        return await work
    except EngineRefused as error:
        ctx.refuse(error)
        return cast(T, None)


def accepts(status: wire.PayloadStatus, block_hash: bytes) -> Verdict:
    """VALID with this very hash, or the reason why not."""
    if status.status is wire.Status.VALID and status.latest_valid_hash == block_hash:
        return Verdict(valid=True)
    latest = status.latest_valid_hash
    detail = status.validation_error or (
        f"latest valid hash {latest.hex()}" if latest is not None else "no latest valid hash"
    )
    judged = status.status is wire.Status.INVALID
    return Verdict(valid=False, reason=f"{status.status.value}: {detail}", judged=judged)
