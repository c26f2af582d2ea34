"""Scenes with an Engine actor of their own, and an execution client that says what a scene wants.

What is due is the Engine API's own word (execution-apis, paris.md and shanghai.md): only VALID of this very payload accepts it,
INVALID condemns it, SYNCING and ACCEPTED are no judgement; and a client that is away for a moment is asked again.
"""

from typing import Any

from alys.actors.errors import ActorError
from alys.actors.message import Message, Request
from alys.actors.ref import Ref
from alys.actors.supervision import ChildSpec
from alys.base.errors import AlysError
from alys.campaigns.acts import props
from alys.campaigns.acts.stage import Stage
from alys.node import engine
from alys.node.errors import PortDown
from alys.wire import ethereum
from alys.wire.engine import ExecutionPayload

AWAY_S = 2.5
"""Within the patience of what has to have its answer."""
PEG_OUT = "0xaa1c6070bc915de33c0fbc36ecf77b1e4fc1ebce832b2da62b6fe25f5a7dd5b0"
"""Topic of RequestPegOut(address,bytes,uint256)."""


class _Client:
    """The execution client: what it answers, by method."""

    def __init__(self, stage: Stage) -> None:
        self.answers: dict[str, Any] = {
            "engine_exchangeCapabilities": list(engine.CAPABILITIES),
        }
        #: Until this instant nobody is there.
        self.away_until = 0.0
        self._stage = stage

    def answer(self, method: str, params: tuple[Any, ...]) -> Any:
        """One call."""
        if self._stage.now() < self.away_until:
            raise PortDown("the execution client", "connection refused")
        return self.answers.get(method)


async def _begin(stage: Stage) -> tuple[_Client, Ref, list[Message]]:
    """An Engine, its client, and what its bridge hears."""
    client, heard = _Client(stage), list[Message]()
    port, bridge = stage.named("client"), stage.named("bridge")
    _, _, actor = await stage.up(
        ChildSpec(name=port, register=port, factory=lambda: props.Service(client.answer)),
        ChildSpec(name=bridge, register=bridge, factory=lambda: props.Ears(heard)),
        ChildSpec(name=stage.named("engine"), factory=lambda: engine.Engine(port, bridge)),
    )
    return client, actor, heard


async def _ask(stage: Stage, actor: Ref, request: Request[Any]) -> Any:
    """The answer, or the name of the error."""
    try:
        return await stage.system.ask(actor, request, timeout=60.0)
    except (ActorError, AlysError) as error:
        return type(error).__name__


def _status(status: str, latest: bytes | None) -> dict[str, Any]:
    shown = None if latest is None else ethereum.to_data(latest)
    return {"status": status, "latestValidHash": shown, "validationError": None}


def _payload(stage: Stage, parent: bytes) -> ExecutionPayload:
    return ExecutionPayload(
        parent_hash=parent,
        fee_recipient=bytes(20),
        state_root=bytes(32),
        receipts_root=bytes(32),
        logs_bloom=bytes(256),
        prev_randao=bytes(32),
        block_number=1,
        gas_limit=30_000_000,
        gas_used=0,
        timestamp=1,
        extra_data=b"",
        base_fee_per_gas=7,
        block_hash=stage.random.randbytes(32),
        transactions=(),
        withdrawals=(),
    )


async def verdicts(stage: Stage) -> None:
    """What is made of each thing that a client can say of a payload."""
    client, actor, _ = await _begin(stage)
    payload = _payload(stage, stage.random.randbytes(32))
    own, other = payload.block_hash, payload.parent_hash
    cases = [
        ("VALID", own, (True, True)),
        ("VALID", other, (False, False)),
        ("VALID", None, (False, False)),
        ("INVALID", other, (False, True)),
        ("INVALID", own, (False, True)),
        ("INVALID", None, (False, True)),
        ("SYNCING", None, (False, False)),
        ("ACCEPTED", own, (False, False)),
    ]
    first = stage.random.below(len(cases))
    for status, latest, due in (*cases[first:], *cases[:first]):
        client.answers["engine_newPayloadV2"] = _status(status, latest)
        said = await _ask(stage, actor, engine.ExecutePayload(payload=payload))
        seen = (said.valid, said.judged) if isinstance(said, engine.Verdict) else said
        named = "none" if latest is None else "its own" if latest == own else "another"
        stage.expect("engine", seen, due, f"accepted, judged: {status} with {named} hash")


async def patience(stage: Stage) -> None:
    """A client that is away, or not ready, for a moment: the head is set all the same, at the first chance."""
    client, actor, _ = await _begin(stage)
    head = stage.random.randbytes(32)
    client.answers["engine_forkchoiceUpdatedV2"] = {"payloadStatus": _status("VALID", head)}
    begun = stage.now()
    client.away_until = begun + AWAY_S
    said = await _ask(stage, actor, engine.SetHead(head_hash=head, finalised_hash=head))
    stage.expect("engine", said, None, "a head that is set while the client is away for a moment")
    stage.expect_time("engine", stage.now() - begun, 3.0, "when it was set, a try a second")


async def building(stage: Stage) -> None:
    """A payload is built on the parent that was asked for, and none on another one is taken."""
    client, actor, _ = await _begin(stage)
    parent = stage.random.randbytes(32)
    ask = engine.BuildPayload(
        parent_hash=parent, finalised_hash=parent, timestamp=1, withdrawals=()
    )
    client.answers["engine_forkchoiceUpdatedV2"] = {
        "payloadStatus": _status("VALID", parent),
        "payloadId": "0x" + "01" * 8,
    }
    for right in (False, True):
        built = _payload(stage, parent if right else stage.random.randbytes(32))
        shown = {"executionPayload": built.to_json(), "blockValue": "0x0"}
        client.answers["engine_getPayloadV2"] = shown
        said = await _ask(stage, actor, ask)
        got = said.block_hash.hex() if isinstance(said, ExecutionPayload) else said
        due = built.block_hash.hex() if right else "EngineRefused"
        stage.expect("engine", got, due, f"a payload on {'the' if right else 'another'} parent")


async def burns(stage: Stage) -> None:
    """Receipts that a client does not have yet are not none; each burn in the head is told once, none of another block or contract."""
    client, actor, heard = await _begin(stage)
    block = stage.random.randbytes(32)
    wei, text = 10**10 * (1 + stage.random.below(1000)), b"bc1q"
    words = (64, wei, len(text))
    data = b"".join(word.to_bytes(32, "big") for word in words) + text.ljust(32, b"\0")
    log = {
        "address": ethereum.to_data(ethereum.BRIDGE_ADDRESS),
        "topics": [PEG_OUT, "0x" + "00" * 12 + "11" * 20],
        "data": ethereum.to_data(data),
        "transactionHash": "0x" + "22" * 32,
        "logIndex": "0x0",
    }
    # A contract of somebody else's can emit the same event, and burns nothing.
    foreign = {**log, "address": "0x" + "33" * 20, "logIndex": "0x1"}
    receipts = [{"logs": [log, foreign], "gasUsed": "0x0", "effectiveGasPrice": "0x7"}]
    for imported in (False, True):
        client.answers["eth_getBlockReceipts"] = None
        ask = engine.GetPayloadFacts(block_hash=block, base_fee_per_gas=7, imported=imported)
        reply = stage.system.ask(actor, ask, timeout=60.0)
        await stage.sleep(1.5)  # two tries in vain
        client.answers["eth_getBlockReceipts"] = receipts
        facts = await reply
        seen = [request.wei for request in facts.requests]
        stage.expect("engine", seen, [wei], "burns of a block whose receipts came late")
        await stage.moment()
        told = [one.wei for one in heard if isinstance(one, engine.BurnDetected)]
        due = [str(wei)] if imported else []
        stage.expect(
            "engine", told, due, f"burns told of, the block is {'' if imported else 'not '}the head"
        )


SCENES = (verdicts, patience, building, burns)
