"""Several Chain actors with stores, execution clients and a network of their own, small enough for hundreds of histories.

The execution clients know hashes and parents and no state; signatures are a keyed hash; the network is one actor that
delivers, loses and cuts as it is told; Sync is one that asks the origin for its blocks. Everything else is the node's own.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import ActorStopped
from alys.actors.message import Message
from alys.actors.supervision import ChildSpec
from alys.base.prng import Random
from alys.chain import blocks
from alys.chain.blocks import SignedBlock
from alys.chain.spec import ChainSpec
from alys.models.bitcoin.node import BitcoinNode
from alys.node import messages, network, questions
from alys.node.chain import Chain
from alys.node.engine import Engine
from alys.node.names import ChainNames
from alys.node.storage import Storage
from alys.wire import auxpow
from alys.wire.engine import ExecutionPayload
from alys.wire.ethereum import BURN_ADDRESS, to_data
from alys.wire.jsonrpc import RpcError
from alys.worlds.disk import Disk, StorePort
from alys.worlds.miner import prove
from tests.chain import chains
from tests.node.bench import START, Bench

CAN = ["engine_forkchoiceUpdatedV2", "engine_getPayloadV2", "engine_newPayloadV2"]
DELAY_SECONDS = 0.02
RECIPIENT = b"\xaa" * 20


class KeyedScheme:
    """Signatures that anybody could make, and nobody here does but their owner."""

    def public_key(self, secret: bytes) -> bytes:
        return hashlib.sha256(b"public" + secret).digest() + bytes(16)

    def signer(self, secret: bytes) -> "KeyedSigner":
        return KeyedSigner(self.public_key(secret))

    def verify(self, public_key: bytes, root: bytes, signature: bytes) -> bool:
        return self.verify_aggregate((public_key,), root, signature)

    def aggregate(self, signatures: Any) -> bytes:
        return b"".join(sorted({s[i : i + 8] for s in signatures for i in range(0, len(s), 8)}))

    def verify_aggregate(self, public_keys: Any, root: bytes, signature: bytes) -> bool:
        return signature == self.aggregate([_mark(key, root) for key in public_keys])


def _mark(public_key: bytes, root: bytes) -> bytes:
    return hashlib.sha256(public_key + root).digest()[:8]


class KeyedSigner:
    def __init__(self, public_key: bytes) -> None:
        self.public_key = public_key

    def sign(self, root: bytes) -> bytes:
        return _mark(self.public_key, root)


SCHEME = KeyedScheme()


class Client:
    """An execution client without state: it knows which payload stands on which."""

    def __init__(self, genesis: ExecutionPayload) -> None:
        self.genesis = genesis.block_hash
        self.payloads = {genesis.block_hash: genesis}
        self.head = genesis.block_hash
        self.executed: list[bytes] = []
        self.builds: dict[str, ExecutionPayload] = {}
        self.down = False
        self.builds_nothing = False

    def answer(self, method: str, *params: Any) -> Any:
        if self.down:
            raise RpcError(-32000, "away")
        match method:
            case "engine_exchangeCapabilities":
                return CAN
            case "engine_newPayloadV2":
                return self._execute(ExecutionPayload.from_json(params[0]))
            case "engine_forkchoiceUpdatedV2":
                return self._forkchoice(*params)
            case "engine_getPayloadV2":
                return {"executionPayload": self.builds[params[0]].to_json(), "blockValue": "0x0"}
            case "eth_getBlockByHash":
                return self._shown(bytes.fromhex(params[0][2:]))
            case _:
                return []

    def _shown(self, block_hash: bytes) -> Any:
        found = self.payloads.get(block_hash)
        if found is None:
            return None
        names = {"feeRecipient": "miner", "prevRandao": "mixHash", "blockNumber": "number"}
        told = found.to_json()
        return {names.get(key, "hash" if key == "blockHash" else key): told[key] for key in told}

    def _execute(self, payload: ExecutionPayload) -> Any:
        self.executed.append(payload.block_hash)
        if payload.parent_hash not in self.payloads:
            return {"status": "SYNCING", "latestValidHash": None}
        self.payloads[payload.block_hash] = payload
        return {"status": "VALID", "latestValidHash": to_data(payload.block_hash)}

    def _descends(self, block: bytes, ancestor: bytes) -> bool:
        while block != ancestor and block in self.payloads:
            block = self.payloads[block].parent_hash
        return block == ancestor

    def _forkchoice(self, state: Any, attributes: Any) -> Any:
        head = bytes.fromhex(state["headBlockHash"][2:])
        if head not in self.payloads:
            return {"payloadStatus": {"status": "SYNCING", "latestValidHash": None}}
        valid = {"payloadStatus": {"status": "VALID", "latestValidHash": to_data(head)}}
        if head != self.head and self._descends(self.head, head):
            return valid  # an ancestor of the head moves and builds nothing
        self.head = head
        if attributes is None or self.builds_nothing:
            return valid
        withdrawals = tuple(attributes["withdrawals"])
        told = hashlib.sha256(repr((head, attributes)).encode()).digest()
        parent = self.payloads[head]
        made = msgspec.structs.replace(
            chains.payload(head, parent.block_number + 1, int(attributes["timestamp"], 16)),
            block_hash=told,
            withdrawals=(),
            fee_recipient=BURN_ADDRESS,
        )
        data = {**made.to_json(), "withdrawals": list(withdrawals)}
        self.builds[to_data(told[:8])] = ExecutionPayload.from_json(data)
        return {**valid, "payloadId": to_data(told[:8])}


class Carried(Message, frozen=True, kw_only=True):
    """On its way between two nodes."""

    sender: int
    receiver: int
    item: Message


class Wire(Actor):
    """One node's Network."""

    def __init__(self, house: "Parliament", index: int) -> None:
        self._house = house
        self._index = index

    def on_publish(self, message: messages.Publish, ctx: Context) -> None:
        for other in range(self._house.count):
            if other != self._index:
                self._send(other, message.item, ctx)

    def on_send_to(self, message: messages.SendTo, ctx: Context) -> None:
        self._send(int(message.peer), message.item, ctx)

    def _send(self, other: int, item: Any, ctx: Context) -> None:
        told = network.heard(item, str(self._index))
        if told is not None and self._house.passes(self._index, other, item):
            carried = Carried(sender=self._index, receiver=other, item=told)
            ctx.after(DELAY_SECONDS * (0.5 + ctx.random.random()), carried)

    def on_carried(self, message: Carried, ctx: Context) -> None:
        if self._house.joined(message.sender, message.receiver):
            ctx.tell(ctx.whereis(f"{message.receiver}/chain"), message.item)


class MiniSync(Actor):
    """Lets its Chain produce, and fetches what a peer has and we lack."""

    def __init__(self, house: "Parliament", index: int) -> None:
        self._house = house
        self._index = index
        self.height = 0
        self.final = 0

    def on_head_changed(self, message: messages.HeadChanged, ctx: Context) -> None:
        self.height, self.final = message.height, message.finalised_height
        state = messages.SyncState(
            synced=True, own_height=message.height, best_height=message.height
        )
        ctx.tell(ctx.whereis(f"{self._index}/chain"), state)

    async def on_parent_missing(self, message: messages.ParentMissing, ctx: Context) -> None:
        peer = int(message.origin)
        if self._house.joined(peer, self._index):
            await self.fetch(peer, ctx)

    async def fetch(self, peer: int, ctx: Context) -> None:
        found: list[bytes] = []
        for height in range(self.final + 1, self.final + 200):
            block = await ctx.ask(ctx.whereis(f"{peer}/chain"), questions.GetBlockAt(height=height))
            if block is None:
                break
            found.append(blocks.encode(block))
        fetched = messages.BlocksFetched(blocks=tuple(found), origin=str(peer))
        ctx.tell(ctx.whereis(f"{self._index}/chain"), fetched)

    def on_blocks_taken(self, message: messages.BlocksTaken, ctx: Context) -> None:
        self._house.taken.append(message)

    def on_deed(self, message: messages.PeerDid, ctx: Context) -> None:
        self._house.deeds.append(message)


class Parliament:
    """So many authorities, all of whom produce."""

    def __init__(self, count: int = 3, seed: int = 1, max_blocks_without_pow: int = 5) -> None:
        self.count = count
        self.bench = Bench(seed)
        self.chance: Random = self.bench.random.fork("house")
        self.loss = 0.0
        self.groups = [0] * count
        self.dropped: set[tuple[int, int, str]] = set()
        self.taken: list[messages.BlocksTaken] = []
        self.deeds: list[messages.PeerDid] = []
        self.bridges: dict[int, list[Message]] = {}
        secrets = [bytes([number]) * 32 for number in range(count)]
        genesis = msgspec.structs.replace(
            chains.payload(bytes(32), 0, int(START) - 10), block_hash=chains.GENESIS_HASH
        )
        self.spec: ChainSpec = msgspec.structs.replace(
            chains.SPEC,
            authorities=tuple(SCHEME.public_key(secret) for secret in secrets),
            max_blocks_without_pow=max_blocks_without_pow,
        )
        self.secrets = secrets
        self.clients = [Client(genesis) for _ in range(count)]
        self.disks = [Disk() for _ in range(count)]
        self.alive = [False] * count
        self.miner = BitcoinNode(lambda: START, int(START))
        for index in range(count):
            self._stand(index)
            self.start(index)

    # Building

    def _stand(self, index: int) -> None:
        bench, disk, client = self.bench, self.disks[index], self.clients[index]
        self._spawn(f"{index}/ports/store", lambda: StorePort(disk))
        bench.service(f"{index}/ports/engine", client.answer)
        bench.service(f"{index}/ports/bitcoin", lambda *_: None)
        self._spawn(f"{index}/network", lambda: Wire(self, index))
        self._spawn(f"{index}/sync", lambda: MiniSync(self, index))
        self.bridges[index] = bench.probe(f"{index}/bridge")

    def _spawn(self, name: str, factory: Any) -> None:
        self.bench.system.spawn(
            ChildSpec(name=name.replace("/", "-"), factory=factory, register=name)
        )

    def start(self, index: int) -> None:
        """A node begins, or begins again, over its store."""
        if self.alive[index]:
            return
        self.alive[index] = True
        names = ChainNames(
            engine=f"{index}/engine",
            storage=f"{index}/storage",
            bitcoin=f"{index}/ports/bitcoin",
            network=f"{index}/network",
            sync=f"{index}/sync",
            peer=f"{index}/sync",
            bridge=f"{index}/bridge",
        )
        self._spawn(f"{index}/storage", lambda: Storage(f"{index}/ports/store"))
        self._spawn(f"{index}/engine", lambda: Engine(f"{index}/ports/engine", None))
        self._spawn(
            f"{index}/chain",
            lambda: Chain(
                self.spec,
                names,
                authority_index=index,
                signer=SCHEME.signer(self.secrets[index]),
                verifier=SCHEME,
                produces=True,
            ),
        )

    def kill(self, index: int) -> None:
        """It ends at once, whatever it was doing; its store and its execution client remain."""
        if not self.alive[index]:
            return
        self.alive[index] = False
        for name in ("chain", "engine", "storage"):
            self.bench.system.stop(self.bench.system.whereis(f"{index}/{name}"), seconds=0)
        self.run(0.001)

    # The network

    def joined(self, one: int, other: int) -> bool:
        return self.alive[one] and self.alive[other] and self.groups[one] == self.groups[other]

    def passes(self, sender: int, other: int, item: Any) -> bool:
        kind = type(item).__name__
        lost = (sender, other, kind) in self.dropped or self.chance.random() < self.loss
        return self.joined(sender, other) and not lost

    # Looking and doing

    def run(self, seconds: float) -> None:
        self.bench.run_for(seconds)

    def until(self, there: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        """Let time pass until something is so."""
        end = self.bench.dispatcher.now() + seconds
        while not there():
            assert self.bench.dispatcher.now() < end, f"never: {what}"
            self.run(0.1)

    def errors(self) -> list[BaseException]:
        """What actors raised, but for those that were killed while they waited for each other."""
        return [one for one in self.bench.failures.errors if not isinstance(one, ActorStopped)]

    def status(self, index: int) -> messages.ChainStatus:
        return self.bench.ask(f"{index}/chain", messages.GetStatus())

    def block(self, index: int, height: int) -> SignedBlock | None:
        return self.bench.ask(f"{index}/chain", questions.GetBlockAt(height=height))

    def heads(self) -> set[bytes]:
        return {self.status(i).head_root for i in range(self.count) if self.alive[i]}

    def agreed(self) -> bool:
        return len(self.heads()) == 1

    def sync(self) -> None:
        """All fetch what the others have, as Sync does of what it hears from them."""
        for one in range(self.count):
            for other in range(self.count):
                if one != other and self.joined(one, other):
                    missing = messages.ParentMissing(origin=str(other), height=0)
                    self.bench.system.tell(self.bench.system.whereis(f"{one}/sync"), missing)

    def mine(self, index: int) -> bool:
        """One proof for what a node has; False when there is nothing to prove or the node has moved on."""
        try:
            work = self.bench.ask(
                f"{index}/chain", questions.CreateAuxBlock(fee_recipient=RECIPIENT)
            )
        except RpcError:
            return False
        template = self.miner.handle("getblocktemplate", [{"rules": ["segwit"]}])
        assert isinstance(template, dict)
        proof = auxpow.encode(prove(work.aux_hash, work.bits, template))
        try:
            self.bench.ask(
                f"{index}/chain", questions.SubmitAuxBlock(aux_hash=work.aux_hash, auxpow=proof)
            )
        except RpcError:
            return False
        return True
