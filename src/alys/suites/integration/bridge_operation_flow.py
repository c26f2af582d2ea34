"""The two-way peg: in after six confirmations and once, out with exactly the threshold of signatures, and every way to fail.

While this runs the ledger is read again and again, and once more at the end: every wei must be explained at each moment.
"""

from typing import Any

from alys.base.errors import Inconclusive
from alys.oracles import signatures
from alys.oracles.statement import RequestStatus
from alys.wire import bitcoin, ethereum
from alys.worlds.network_world import NetworkWorld
from alys.worlds.users import BitcoinUser, EthereumUser

DEPOSIT_SATS = 200_000_000
WEI_PER_SAT = 10_000_000_000  # written out: a check must not share the conversion that it checks
PAYOUT_WEI = 300_000_000_000_000_000
SECOND_PAYOUT_WEI = 250_000_000_000_000_000
REFUNDED_WEI = 50_000_000_000_000_000
BELOW_MINIMUM_WEI = 9_999_990_000_000_000
NO_ADDRESS = "bcrt1qthis-is-no-address"


async def test_bridge_operation_flow(world: NetworkWorld) -> None:
    """Deposit, mint once; burn, propose, finalise, sign, broadcast, settle; and what goes wrong ends in a named state."""
    alice = world.ethereum_user("alice")
    world.keep_mining()
    deposit = await _five_confirmations_mint_nothing(world, alice)
    await _six_confirmations_mint_once(world, alice)
    await _announce_again(world, deposit)
    payee = world.bitcoin_user("payee")
    request = await _burn_while_two_nodes_misbehave(world, alice, payee)
    await _nothing_minted_twice(world, alice, deposit)
    await _too_few_signatures(world, request)
    await _settles(world, request, payee, PAYOUT_WEI)
    await _refunded_once(world, alice)
    second = world.bitcoin_user("second payee")
    await _governance_down(world, alice, second)
    statement = await world.audit()
    statement.require_samples(
        "mints", "refunds", "payouts", "signatures", "confirmations", "supply"
    )


# In


async def _five_confirmations_mint_nothing(world: NetworkWorld, alice: EthereumUser) -> str:
    required = world.network.spec.required_confirmations
    txid = await world.depositor().deposit(world.federation_address, alice.address, DEPOSIT_SATS)
    await world.confirm(required - 1)
    await _seen_with(world, txid, required - 1)
    await new_blocks(world, 2)
    balance = await alice.balance()
    world.check(
        balance == 0, f"{required - 1} confirmations: nothing is minted", wei=balance, deposit=txid
    )
    return txid


async def _seen_with(world: NetworkWorld, txid: str, confirmations: int) -> None:
    """The node has noticed the deposit, so that what it does not do is not for want of knowledge."""

    async def seen() -> bool:
        found = await operation(world, lambda one: one["txid"] == txid)
        return found is not None and found["confirmations"] >= confirmations

    await world.eventually(seen, f"the node sees the deposit with {confirmations} confirmations")


async def _six_confirmations_mint_once(world: NetworkWorld, alice: EthereumUser) -> None:
    await world.confirm(1)

    async def credited() -> int:
        return await alice.balance()

    await world.eventually(credited, "six confirmations: the deposit is minted", timeout_s=90)
    balance = await alice.balance()
    expected = DEPOSIT_SATS * WEI_PER_SAT
    world.check(balance == expected, "exactly sats x 10^10 wei", wei=balance, expected=expected)


async def _announce_again(world: NetworkWorld, txid: str) -> None:
    known = await world.node.call("alys_announceDeposit", txid)
    world.check(known is True, "the node knows the deposit that is announced again", deposit=txid)


async def _nothing_minted_twice(world: NetworkWorld, alice: EthereumUser, txid: str) -> None:
    """Over all blocks so far the deposit is listed once."""
    await new_blocks(world, 2)
    status: Any = await world.node.call("alys_status")
    listed = 0
    for height in range(world.network.first_height, status["height"] + 1):
        block: Any = await world.node.call("getblockbyheight", height)
        listed += sum(pegin["txid"] == txid for pegin in block["pegins"])
    world.check(listed == 1, "a deposit that is announced again is not minted again", mints=listed)
    balance = await alice.balance()
    world.check(
        balance < DEPOSIT_SATS * WEI_PER_SAT, "nothing was credited a second time", wei=balance
    )


# Out


async def _burn_while_two_nodes_misbehave(
    world: NetworkWorld, alice: EthereumUser, payee: BitcoinUser
) -> str:
    """One node refuses to sign, one signs wrongly; three requests are made. Returns the payable one's operation."""
    await world.governance.faults(0, refuse_signing=True)
    await world.governance.faults(1, wrong_signature=True)
    low = await alice.request_peg_out(payee.address, BELOW_MINIMUM_WEI)
    good = await alice.request_peg_out(payee.address, PAYOUT_WEI)
    bad = await alice.request_peg_out(NO_ADDRESS, REFUNDED_WEI)
    world.note(requests={"below minimum": low, "payable": good, "no address": bad})
    receipt = await mined(world, low)
    world.check(
        receipt["status"] == "0x0" and not receipt["logs"],
        "below the minimum the contract reverts and nothing is asked for",
        status=receipt["status"],
    )
    return await operation_of(world, good)


async def _too_few_signatures(world: NetworkWorld, request: str) -> None:
    found = await _in_state(world, request, "finalised", "1 of 2 signatures")
    detail = found["detail"]
    world.check(
        "SIGNATURE_STATUS_FAILED" in detail and "does not verify" in detail,
        "it is said what each governance node did",
        detail=detail,
    )
    pool: Any = await world.bitcoin.call("getrawmempool")
    world.check(pool == [], "nothing is broadcast with too few signatures", mempool=pool)
    await _touched(world, 0, "refuse_signing")
    await _touched(world, 1, "wrong_signature")
    await world.governance.faults(0, refuse_signing=False)
    await world.governance.faults(1, wrong_signature=False)


async def _touched(world: NetworkWorld, index: int, fault: str) -> None:
    """A fault that touched nothing proves nothing."""
    state: Any = await world.governance.state(index)
    if not state["faults"]["touched"].get(fault):
        raise Inconclusive(f"governance {index + 1}: the fault {fault} touched no message")


async def _settles(world: NetworkWorld, request: str, payee: BitcoinUser, wei: int) -> None:
    """Broadcast and mined; the payee has the value minus the fee share, the federation lost not a satoshi more."""
    sent = await _in_state(world, request, "broadcast")
    view: Any = await world.bitcoin.call("getrawtransaction", sent["txid"], 1)
    tx = bitcoin.parse_tx(bytes.fromhex(view["hex"]))
    prevouts = [await _output(world, txin.outpoint) for txin in tx.inputs]
    for index in range(len(tx.inputs)):
        counted = signatures.count(tx, index, prevouts)
        world.check(
            counted.valid == counted.required and not counted.invalid,
            "exactly the threshold has signed",
            valid=counted.valid,
            invalid=counted.invalid,
            required=counted.required,
        )
    await world.confirm(world.network.spec.payout_confirmations)
    await _in_state(world, request, "settled")
    received = await payee.received()
    spent = sum(prevout.value for prevout in prevouts)
    paid_out = sum(out.value for out in tx.outputs)
    change = paid_out - received
    fee = spent - paid_out
    asked = wei // WEI_PER_SAT
    world.check(
        received == asked - fee,
        "the recipient gets the value minus its fee share",
        received=received,
        asked=asked,
        fee=fee,
    )
    world.check(
        spent - change == asked,
        "the federation pays the value and not a satoshi more",
        lost=spent - change,
        asked=asked,
    )
    await _finalised_before_signed(world, sent["txid"])


async def _output(world: NetworkWorld, place: bitcoin.OutPoint) -> bitcoin.TxOut:
    raw = await world.bitcoin.call("getrawtransaction", place.txid)
    return bitcoin.parse_tx(bytes.fromhex(str(raw))).outputs[place.vout]


async def _finalised_before_signed(world: NetworkWorld, txid: str) -> None:
    """The block that proposed the payout is covered by an AuxPoW."""
    status: Any = await world.node.call("alys_status")
    for height in range(world.network.first_height, status["finalisedHeight"] + 1):
        block: Any = await world.node.call("getblockbyheight", height)
        raw = block["payoutProposal"]
        if raw is not None and bitcoin.parse_tx(bytes.fromhex(raw)).txid == txid:
            world.check(True, "an AuxPoW covers the proposal", height=height)
            return
    world.check(False, "an AuxPoW covers the proposal", txid=txid)


async def _refunded_once(world: NetworkWorld, alice: EthereumUser) -> None:
    """The request without an address came back in one withdrawal; the ledger says so too."""
    found = await operation(world, lambda one: one["state"] == "refunded")
    world.check(found is not None, "a request that cannot be paid is refunded", wanted="refunded")
    back = 0
    status: Any = await world.node.call("alys_status")
    for height in range(world.network.first_height + 1, status["height"] + 1):
        block: Any = await world.node.call("getblockbyheight", height)
        back += sum(
            entry["address"] == ethereum.to_data(alice.address)
            and ethereum.from_quantity(entry["amount"]) * 10**9 == REFUNDED_WEI
            for entry in block["executionPayload"]["withdrawals"]
        )
    world.check(back == 1, "it is refunded once", refunds=back)
    statement = await world.audit()
    refunds = [line for line in statement.requests if line.status is RequestStatus.REFUNDED]
    world.check(len(refunds) == 1, "the ledger has one refund", refunds=len(refunds))


async def _governance_down(world: NetworkWorld, alice: EthereumUser, payee: BitcoinUser) -> None:
    """Two nodes are away: the operation waits and says for whom; it goes on by itself when they are back."""
    request = await operation_of(
        world, await alice.request_peg_out(payee.address, SECOND_PAYOUT_WEI)
    )
    await _in_state(world, request, "proposed")
    await world.governance.stop(0)
    await world.governance.stop(1)
    found = await _in_state(world, request, "finalised", "1 of 2 signatures")
    world.check(
        found["detail"].count("not connected") == 2,
        "the state names the nodes that are away",
        detail=found["detail"],
    )
    streams: Any = await world.node.call("alys_governance")
    ready = [stream["state"] for stream in streams].count("ready")
    world.check(ready == 1, "the node shows which streams stand", streams=streams)
    await world.governance.start(0)
    await world.governance.start(1)
    await _settles(world, request, payee, SECOND_PAYOUT_WEI)


# Looking


async def operation(world: NetworkWorld, fits: Any) -> Any:
    """The first of the node's operations that fits, or None."""
    listed: Any = await world.node.call("alys_operations")
    return next((one for one in listed if fits(one)), None)


async def _in_state(world: NetworkWorld, request: str, state: str, detail: str = "") -> Any:
    async def reached() -> Any:
        return await operation(
            world,
            lambda one: one["id"] == request and one["state"] == state and detail in one["detail"],
        )

    what = f"{request[:18]}.. is {state}" + (f" with {detail!r}" if detail else "")
    return await world.eventually(reached, what, timeout_s=120)


async def mined(world: NetworkWorld, tx_hash: str) -> Any:
    """The receipt of a transaction, once there is one."""

    async def receipt() -> Any:
        return await world.ethereum.call("eth_getTransactionReceipt", tx_hash)

    return await world.eventually(receipt, f"a receipt of {tx_hash[:10]}..", timeout_s=90)


async def operation_of(world: NetworkWorld, tx_hash: str) -> str:
    """The operation id of a request that must have succeeded."""
    receipt = await mined(world, tx_hash)
    world.check(
        receipt["status"] == "0x1" and len(receipt["logs"]) == 1,
        "the request burns and says so",
        status=receipt["status"],
    )
    return f"pegout:{tx_hash}:{ethereum.from_quantity(receipt['logs'][0]['logIndex'])}"


async def new_blocks(world: NetworkWorld, count: int) -> None:
    """So many blocks are made from now on."""
    status: Any = await world.node.call("alys_status")
    wanted = status["height"] + count

    async def there() -> bool:
        now: Any = await world.node.call("alys_status")
        return bool(now["height"] >= wanted)

    await world.eventually(there, f"{count} more blocks", timeout_s=120)
