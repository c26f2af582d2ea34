"""What the scenarios of this suite share: requests with answers that can be told apart, and looks at both ends of a stream.

A request here is a real one: sign this payout. Every payout pays another amount, so a signature is good for one request and
for no other, and an answer that went to the wrong asker does not verify.
"""

from typing import Any

import msgspec

from alys.actors.reply import Reply
from alys.base.errors import Inconclusive
from alys.node.calls import AskGovernance, GovernanceReply
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb
from alys.worlds.network import NODE_TREE
from alys.worlds.network_world import NetworkWorld

COIN_SATS = 50_000_000
STREAM = f"{NODE_TREE}/stream"


class Payouts(msgspec.Struct, frozen=True, kw_only=True):
    """A federation coin that every governance node knows, and payouts that spend it."""

    world: NetworkWorld
    coin: bitcoin.OutPoint
    keys: tuple[bytes, ...]
    """The governance nodes' public keys, by index."""

    def request(self, number: int) -> bytes:
        """Ask to sign the payout of this number."""
        tx = self._tx(number)
        asked = pb.SignatureRequest(
            tx_hex=tx.serialize(witness=False).hex(),
            input_indices=[0],
            amounts=[COIN_SATS],
            tx_type=pb.TRANSACTION_TYPE_PEGOUT,
            required_signatures=2,
        )
        return pb.StreamRequest(signature_request=asked).SerializeToString(deterministic=True)

    def check(self, name: str, number: int, reply: GovernanceReply) -> None:
        """The answer is governance's, bears the request's own id, and its signature is over the request's own payout."""
        self.world.check(
            reply.outcome == "answered", "a request is answered by governance", said=reply.outcome
        )
        answer = pb.StreamResponse.FromString(reply.response)
        found = answer.metadata.request_id
        self.world.check(found == name, "an answer bears its request's id", asked=name, found=found)
        given = answer.signature_response.signatures
        assert reply.endpoint is not None, "who answered has a number"
        key = self.keys[reply.endpoint]
        self.world.check(
            len(given) == 1 and self._verifies(number, key, given[0]),
            "an answer is the one to its own request",
            asked=name,
            said=answer.signature_response.failure_reason,
        )

    def _verifies(self, number: int, key: bytes, given: pb.WitnessData) -> bool:
        federation = self.world.network.spec.federation
        prevouts = (bitcoin.TxOut(value=COIN_SATS, script=federation.script_pubkey),)
        digest = bitcoin.taproot_script_path_sighash(
            self._tx(number), 0, prevouts, federation.leaf_script
        )
        return given.public_key == key and bitcoin.schnorr_verify(key, digest, given.signature)

    def _tx(self, number: int) -> bitcoin.Tx:
        script = self.world.network.spec.federation.script_pubkey
        paid = 1_000_000 + number
        return bitcoin.Tx(
            inputs=(bitcoin.TxIn(outpoint=self.coin, sequence=0xFFFFFFFD),),
            outputs=(
                bitcoin.TxOut(value=paid, script=self.world.depositor().script),
                bitcoin.TxOut(value=COIN_SATS - paid, script=script),
            ),
        )


async def payouts(world: NetworkWorld) -> Payouts:
    """Tell every governance node of a coin, over the streams that are under test."""
    await all_ready(world)
    coin = bitcoin.OutPoint(txid=world.random.fork("coin").randbytes(32).hex(), vout=0)
    replies = [
        begin(world, f"{world.info.name} coin {index}", notice(coin.txid, COIN_SATS), index)
        for index in indices(world)
    ]
    for reply in replies:
        told = await world.await_reply(reply)
        world.check(told.outcome == "delivered", "a notice is delivered", said=told.outcome)
    keys = []
    for index in indices(world):

        async def knows(index: int = index) -> Any:
            state: Any = await world.governance.state(index)
            return state["public_key"] if coin.label in state["coins"] else None

        found = await world.eventually(knows, f"governance {index + 1} knows the coin")
        keys.append(bytes.fromhex(str(found)))
    return Payouts(world=world, coin=coin, keys=tuple(keys))


def notice(txid: str, sats: int) -> bytes:
    """A peg-in notification; governance answers it only when it contradicts another."""
    said = pb.PeginNotification(btc_txid=txid, vout=0, amount=sats, confirmations=6)
    request = pb.StreamRequest(pegin_notification=said)
    request.metadata.priority = pb.REQUEST_PRIORITY_HIGH
    return request.SerializeToString(deterministic=True)


def begin(
    world: NetworkWorld, name: str, payload: bytes, endpoint: int | None = None
) -> Reply[GovernanceReply]:
    """Ask the Stream actor and go on."""
    request = AskGovernance(request_id=name, payload=payload, endpoint=endpoint)
    return world.begin_call(STREAM, request)


def indices(world: NetworkWorld) -> range:
    """The governance nodes' numbers."""
    return range(world.network.governance_nodes)


async def streams(world: NetworkWorld) -> Any:
    """The node's view of its streams."""
    return await world.node.call("alys_governance")


async def all_ready(world: NetworkWorld) -> None:
    """Every stream stands."""

    async def ready() -> bool:
        return all(stream["state"] == "ready" for stream in await streams(world))

    await world.eventually(ready, "every stream is registered and ready")


async def in_state(
    world: NetworkWorld, index: int, state: str, reason: str = "", timeout_s: float = 60.0
) -> Any:
    """One stream is in a state, for a reason that has these words."""

    async def there() -> Any:
        stream = (await streams(world))[index]
        return stream if stream["state"] == state and reason in stream["reason"] else None

    what = f"the stream to governance {index + 1} is {state}" + (f": {reason}" if reason else "")
    return await world.eventually(there, what, timeout_s=timeout_s)


async def seen(world: NetworkWorld, index: int, *, heartbeats: bool = False) -> list[Any]:
    """What a governance node saw on its latest stream, in order."""
    state: Any = await world.governance.state(index)
    last = max((one["stream"] for one in state["seen"]), default=0)
    return [
        one
        for one in state["seen"]
        if one["stream"] == last and (heartbeats or one["kind"] != "heartbeat")
    ]


async def at_rest(world: NetworkWorld) -> None:
    """No block is made any more, and governance has heard all that was said: from here on only the scenario speaks."""
    await world.node.call("alys_pauseProduction", "governance is about to go away")

    async def quiet() -> bool:
        kinds = [one["message"] for one in world.messages()]
        told = all(stream["unconfirmed"] == 0 for stream in await streams(world))
        return told and kinds.count("BuildPayload") == kinds.count("BlockImported")

    await world.eventually(quiet, "governance has acked all that was said", timeout_s=120)


async def touched(world: NetworkWorld, index: int, fault: str) -> int:
    """How often a fault bit; one that touched nothing proves nothing."""
    state: Any = await world.governance.state(index)
    count = int(state["faults"]["touched"].get(fault, 0))
    if not count:
        raise Inconclusive(f"governance {index + 1}: the fault {fault} touched no message")
    return count
