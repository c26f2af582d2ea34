"""Governance halts: production and pegs stop at once, a restart changes nothing, and when it ends all that waited goes on.

One voice halts nothing. When the threshold has spoken no block is made, no signature is asked for and nothing is broadcast, though a
payout is final and waits for just that; killing the actors that know of the halt does not lift it. Its end does, once, and the payout
is paid.
"""

from typing import Any

from alys.suites import _governing as governance
from alys.suites.integration import bridge_operation_flow as bridge
from alys.worlds.network import NODE_TREE
from alys.worlds.network_world import NetworkWorld
from alys.worlds.users import EthereumUser

DEPOSIT_SATS = 90_000_000
PAYOUT_WEI = 400_000_000_000_000_000
STILL_S = 20.0
"""Node time that nothing may happen in: ten slots."""


async def test_emergency_halt(world: NetworkWorld) -> None:
    """Two of three halt, a payout waits signed by nobody, the actors restart, two of three resume, the payout is paid."""
    alice, payee = world.ethereum_user("alice"), world.bitcoin_user("payee")
    world.keep_mining()
    await world.depositor().deposit(world.federation_address, alice.address, DEPOSIT_SATS)
    await world.confirm(world.network.spec.required_confirmations)
    await world.eventually(alice.balance, "the deposit is minted", timeout_s=120)
    await _one_voice_halts_nothing(world)
    request = await _halted_with_a_payout_under_way(world, alice, payee.address)
    await _nothing_happens(world, "a halt stops production and pegs")
    for actor in ("bridge/stream", "bridge/bridge", "consensus/chain"):
        await _restarted(world, actor)
    await _nothing_happens(world, "a halt outlives the actors that know of it")
    await governance.say(world, [0, 1], "resume", reason="the key was found", number=2)
    await _is(world, "active")

    async def settled() -> Any:
        await world.confirm(1)
        return await bridge.operation(
            world, lambda one: one["id"] == request and one["state"] == "settled"
        )

    await world.eventually(settled, "what waited is paid when the halt is over", timeout_s=300)
    heard = await governance.announcements(world)
    world.check(
        (heard["halted"], heard["halt_number"], heard["refused"]) == (False, 2, 0),
        "one halt, one end, nothing refused",
        heard=heard,
    )


async def _one_voice_halts_nothing(world: NetworkWorld) -> None:
    await governance.say(world, [0], "emergency_halt", reason="a key is lost", number=1)

    async def counted() -> Any:
        return (await governance.announcements(world))["waiting"]

    await world.eventually(counted, "one voice is counted")
    await bridge.new_blocks(world, 2)
    status: Any = await world.node.call("alys_status")
    world.check("emergency" not in status["reason"], "one voice halts nothing", status=status)


async def _halted_with_a_payout_under_way(
    world: NetworkWorld, alice: EthereumUser, address: str
) -> str:
    """The payout is final and asked for again and again before governance speaks, so that there is something to stop."""
    for index in range(world.network.governance_nodes):
        await world.governance.faults(index, refuse_signing=True)
    tx_hash = await alice.request_peg_out(address, PAYOUT_WEI)
    operation = await bridge.operation_of(world, tx_hash)

    async def short() -> Any:
        return await bridge.operation(
            world, lambda one: one["id"] == operation and "0 of 2 signatures" in one["detail"]
        )

    await world.eventually(short, "the payout is final and waits for signatures", timeout_s=120)
    await governance.say(world, [1], "emergency_halt", reason="a key is lost", number=1)
    await _is(world, "halted")
    for index in range(world.network.governance_nodes):
        await world.governance.faults(index, refuse_signing=False)
    status: Any = await world.node.call("alys_status")
    world.check(
        status["reason"] == "emergency halt 1: a key is lost",
        "the node says why it makes no blocks",
        reason=status["reason"],
    )
    return operation


async def _is(world: NetworkWorld, state: str) -> None:
    async def there() -> Any:
        status: Any = await world.node.call("alys_status")
        halted = "emergency" in status["reason"]
        return halted if state == "halted" else not halted

    await world.eventually(there, f"production is {state}", timeout_s=60)


async def _nothing_happens(world: NetworkWorld, what: str) -> None:
    """No block, no request for a signature, no broadcast, for ten slots."""
    await _is(world, "halted")
    began = world.now()
    status: Any = await world.node.call("alys_status")
    await world.sleep(STILL_S)
    later: Any = await world.node.call("alys_status")
    said = [
        one["message"]
        for one in world.messages()
        if one["t"] > began and one["message"] in ("RequestSignatures", "PeginReady")
    ]
    sent = [
        one
        for one in world.messages()
        if one["t"] > began
        and one["message"] == "JsonRpcCall"
        and one["body"]["method"] == "sendrawtransaction"
    ]
    world.check(
        later["height"] == status["height"] and not said and not sent,
        what,
        blocks=later["height"] - status["height"],
        said=said,
        broadcast=len(sent),
    )


async def _restarted(world: NetworkWorld, actor: str) -> None:
    """End one of the node's actors without a hook; its supervisor starts another."""
    path = f"/alys/{NODE_TREE}/{actor}"
    before = await world.actors.find(path)
    await world.actors.kill(path)

    async def back() -> Any:
        now = await world.actors.find(path)
        return now is not None and before is not None and now.uid != before.uid

    await world.eventually(back, f"{actor} is there again")
