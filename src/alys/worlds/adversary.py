"""Somebody who holds the authorities' keys and offers forged blocks to one of them, in the first moment of a slot.

A co-signing authority is a validator: it must find out by itself (D21). So each forgery is judged as it would be from an author who
breaks the rules, and ``oracles.forgery`` is told what the authority said. It is offered before the honest author has made its block, and
whoever refuses it loses nothing by it.
"""

from typing import Any

import msgspec

from alys.base.errors import AlysError
from alys.chain import blocks, eras, peg, slots, state
from alys.chain.approvals import has_quorum
from alys.chain.blocks import SignedBlock
from alys.chain.forkchoice import Objection
from alys.chain.state import Facts, PegState, SeenDeposit
from alys.chain.validity import Reason
from alys.node import engine, messages, questions, storage
from alys.oracles.forgery import Believed, Forgery
from alys.wire import bitcoin
from alys.wire.engine import (
    ExecutionPayload,
    ForkchoiceAnswer,
    ForkchoiceState,
    PayloadAttributes,
    Withdrawal,
)
from alys.wire.ethereum import BURN_ADDRESS, to_data
from alys.worlds import network
from alys.worlds.forger import Offer
from alys.worlds.forgeries import FORMS, Form, Scene
from alys.worlds.sim import SimWorld

LOOK_BACK_BLOCKS = 60
"""Of Bitcoin, for deposits."""
NEARLY_SECONDS = 1.0
"""By so much an authority lets others' clocks be ahead of its own."""
AHEAD_SECONDS = 0.5
"""Before a slot begins all is looked up that needs no haste."""
SLOTS_MAX = 12
"""So long a forgery waits for a scene that has what it needs."""
IMPORT_SECONDS = 0.5


class NoScene(AlysError):
    """It cannot be forged now: the authority is away, or its head is not what its execution client has."""


class Adversary:
    """Belongs to one world; one forgery at a time."""

    def __init__(self, world: SimWorld) -> None:
        assert isinstance(world.network, network.Network), (
            "a simulated world has the services in it"
        )
        self._world = world
        self._net = world.network
        self._busy = False
        self.judged = Forgery([one.value for one in Objection])

    async def forge(self, form: str, target: int, *, restart: bool = False) -> bool:
        """Make a forgery of this form for an authority and hear what it says; whether it came to that. Raises Believed.

        ``restart``: the authority is ended and started right before, so what it knows is what it has kept.
        """
        while self._busy:
            await self._world.sleep(AHEAD_SECONDS)
        self._busy = True
        try:
            for _ in range(SLOTS_MAX):
                if await self._attempt(FORMS[form], form, target, restart):
                    return True
            return False
        finally:
            self._busy = False

    async def _attempt(self, form: Form, name: str, target: int, restart: bool) -> bool:
        """At the next slot that is not the authority's own."""
        world, spec = self._world, self._world.network.spec
        slot = slots.slot_at(world.now() + AHEAD_SECONDS, spec.slot_duration_ms) + 1
        while slots.author_index(slot, len(spec.authorities)) == target:
            slot += 1
        start = slots.slot_start(slot, spec.slot_duration_ms)
        made: SignedBlock | None = None
        tip = ""
        await world.sleep(start - AHEAD_SECONDS - world.now())
        try:
            if restart:
                await self._restart(target)
            if form.fragile and not world.calm():
                return False
            known = await self._known(target)
            scene = await self._scene(target, slot, *known)
            tip = scene.tip
            await world.sleep(max(0.0, start - world.now()))
            made = form.make(msgspec.structs.replace(scene, now=world.now()))
            if made is None or self._gone(made):
                return False
            if form.sealed:
                return await self._show(name, target, blocks.encode(made))
            return await self._offer(form, name, target, blocks.encode(made))
        except Believed:
            if form.fragile and (not world.calm() or self._gone(made)):
                return False
            if tip != self._tip():
                return False  # a Bitcoin block came between, and may have made it right: a sixth confirmation
            raise
        except AlysError as error:
            world.passed_over(error)
            return False  # it is away, or was restarted meanwhile: at another slot

    def _tip(self) -> str:
        return str(self._net.bitcoin.handle("getbestblockhash", []))

    def _gone(self, made: SignedBlock | None) -> bool:
        """Whether what a block calls lost is spent on Bitcoin by now: to an authority that is behind it is gone indeed."""
        lost = () if made is None else made.block.bitcoin.lost_outputs
        places = [outpoint.partition(":") for outpoint in lost]
        ask = self._net.bitcoin.handle
        return any(ask("gettxout", [txid, int(vout), False]) is None for txid, _, vout in places)

    async def _restart(self, target: int) -> None:
        nodes = self._world.nodes
        if not nodes.alive(target):
            raise NoScene("it is down")
        await nodes.kill(target)
        await nodes.start(target)

    async def _known(self, target: int) -> tuple[PegState, Facts, SignedBlock]:
        """The authority's head, what its payload leaves to answer for, and the block itself."""
        world = self._world
        tree = world.network.tree(target)
        found = await world.call_actor(f"{tree}/storage", storage.LoadTree())
        heads = () if found is None else (b for b in found.blocks if b.root == found.head.root)
        head = next(iter(heads), None)
        if head is None:
            raise NoScene("nothing is stored")
        parent = state.decode(head.state)
        signed = blocks.decode(head.block)
        payload = signed.block.payload
        left = await world.call_actor(
            f"{tree}/engine",
            engine.GetPayloadFacts(
                block_hash=payload.block_hash, base_fee_per_gas=payload.base_fee_per_gas
            ),
        )
        facts = Facts(now=world.now(), parent_requests=left.requests, parent_tips=left.tips)
        return parent, facts, signed

    async def _scene(
        self, target: int, slot: int, parent: PegState, facts: Facts, head: SignedBlock
    ) -> Scene:
        world, spec = self._world, self._world.network.spec
        template: Any = self._net.bitcoin.handle("getblocktemplate", [{"rules": ["segwit"]}])
        if parent.blocks_since_pow >= spec.max_blocks_without_pow:
            raise NoScene("only a block with a proof of work may follow")
        tip = int(self._net.bitcoin.handle("getblockcount", []))
        scripts = eras.scripts(parent.federations, spec)
        deposits = [
            found
            for height in range(max(spec.bitcoin_start_height, tip - LOOK_BACK_BLOCKS) + 1, tip + 1)
            for found in self._deposits_at(height, tip, scripts)
        ]
        authorities = [world.network.authority(index) for index in range(network.AUTHORITIES)]

        def build(withdrawals: tuple[Withdrawal, ...], time: int) -> ExecutionPayload:
            return self._payload(target, parent, withdrawals, time)

        return Scene(
            spec=spec,
            parent=parent,
            facts=facts,
            slot=slot,
            now=world.now(),
            build=build,
            deposits=tuple(deposits),
            tip=str(self._net.bitcoin.handle("getblockhash", [tip])),
            template=template,
            signers=tuple(one.signer for one in authorities),
            verifier=authorities[0].verifier,
            target=target,
            head=head,
        )

    def _deposits_at(self, height: int, tip: int, scripts: tuple[bytes, ...]) -> list[SeenDeposit]:
        handle = self._net.bitcoin.handle
        block_hash = str(handle("getblockhash", [height]))
        raw = str(handle("getblock", [block_hash, 0]))
        found = (
            peg.find_deposit(tx, scripts) for tx in bitcoin.parse_block(bytes.fromhex(raw)).txs
        )
        return [
            SeenDeposit(deposit=one, block_hash=block_hash, confirmations=tip - height + 1)
            for one in found
            if one is not None
        ]

    def _payload(
        self, target: int, parent: PegState, withdrawals: tuple[Withdrawal, ...], time: int
    ) -> ExecutionPayload:
        """What the authority's own execution client makes of it, without its being asked by the node. Raises NoScene, RpcError."""
        client = self._net.clients[target]
        head = client.handle("eth_getBlockByNumber", ["latest", False])
        if head is None or head["hash"] != to_data(parent.execution_hash):
            raise NoScene("the execution client is at another block")
        final = parent.finalised_execution_hash
        place = ForkchoiceState(
            head_block_hash=parent.execution_hash,
            safe_block_hash=final,
            finalized_block_hash=final,
        )
        wanted = PayloadAttributes(
            timestamp=time,
            prev_randao=bytes(32),
            suggested_fee_recipient=BURN_ADDRESS,
            withdrawals=withdrawals,
        )
        told = client.handle_engine(
            "engine_forkchoiceUpdatedV2", [place.to_json(), wanted.to_json()]
        )
        answer = ForkchoiceAnswer.from_json(told)
        if answer.payload_id is None:
            raise NoScene("the execution client builds nothing")
        built = client.handle_engine("engine_getPayloadV2", [to_data(answer.payload_id)])
        return ExecutionPayload.from_json(built["executionPayload"])

    async def _offer(self, form: Form, name: str, target: int, block: bytes) -> bool:
        tree = self._world.network.tree(target)
        ahead = self._world.skews.get(tree, 0.0)
        (verdict,) = await self._world.call_actor(
            "forger", Offer(block=block, to=(f"{tree}/chain",))
        )
        if verdict.reason == "cannot-judge":
            return False
        if form.reason is Reason.SLOT_IN_FUTURE and verdict.approved:
            ahead = max(ahead, self._world.skews.get(tree, 0.0))
            spec, slot = self._world.network.spec, blocks.decode(block).block.slot
            begins = slots.slot_start(slot, spec.slot_duration_ms)
            if begins <= self._world.now() + ahead + NEARLY_SECONDS:
                # it was held up, or its clock is ahead: for it the slot had begun, and the block may stand
                self._world.timestamp_early_s = spec.slot_duration_ms // 1000
                return False
        self.judged.feed(
            name,
            tree,
            approved=verdict.approved,
            reason=verdict.reason,
            expected=form.reason.value,
        )
        return True

    async def _show(self, name: str, target: int, block: bytes) -> bool:
        world, tree = self._world, self._world.network.tree(target)
        world.system.tell(world.system.whereis(f"{tree}/chain"), messages.BlockSealed(block=block))
        await world.sleep(IMPORT_SECONDS)
        root = blocks.root(blocks.decode(block).block)
        found = await world.call_actor(f"{tree}/chain", questions.GetBlockByRoot(root=root))
        if found is not None and has_quorum(found.approvals, network.AUTHORITIES):
            return False  # the slot's own author made the very same block, and the others approved that
        self.judged.feed_imported(name, tree, imported=found is not None)
        return True
