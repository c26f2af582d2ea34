"""A burn: paid with the right signatures at the payee's cost; what cannot be paid comes back."""

from alys.oracles import signatures
from alys.suites.conformance import _looking as looking
from alys.wire import bitcoin
from alys.worlds.network_world import NetworkWorld

DEPOSIT_SATS = 150_000_000
ASKED_WEI = 400_000_000_000_000_000
REFUNDED_WEI = 30_000_000_000_000_000
NO_ADDRESS = "bcrt1qthis-is-no-address"


async def test_peg_out(world: NetworkWorld) -> None:
    """From the request in the bridge contract to the payee's coin."""
    alice, payee = world.ethereum_user("alice"), world.bitcoin_user("payee")
    await looking.work(world)
    await world.depositor().deposit(world.federation_address, alice.address, DEPOSIT_SATS)
    await world.confirm(world.network.spec.required_confirmations)
    await looking.credited(world, alice, "a deposit to pay out of is minted")
    first = await looking.height(world) + 1
    await alice.request_peg_out(payee.address, ASKED_WEI)
    await alice.request_peg_out(NO_ADDRESS, REFUNDED_WEI)
    with world.proving("pegout.paid") as proof:
        tx = await world.eventually(
            lambda: looking.paid_to(world, payee.script),
            "a Bitcoin transaction pays the request",
            timeout_s=180,
        )
        assert tx is not None, "eventually answers what is true"
        await world.confirm(1)
        received = await payee.received()
        world.check(received > 0, "the payee has the coin once it is mined", sats=received)
        proof.evidence = f"{tx.txid} paid {received} sats"
    await _signed_and_charged(world, tx, received)
    with world.proving("pegout.refund") as proof:
        wanted = REFUNDED_WEI // 10**9

        async def back() -> int:
            last = await looking.height(world)
            found = await looking.withdrawals_to(world, alice.address, first, last)
            return last if wanted in found else 0

        await world.eventually(back, "the request without an address is refunded", timeout_s=180)
        last = await looking.blocks_later(world)
        refunds = await looking.withdrawals_to(world, alice.address, first, last)
        world.check(refunds == [wanted], "exactly the value, once", gwei=refunds, expected=wanted)
        proof.evidence = f"one withdrawal of {wanted} gwei in blocks {first} to {last}"
    await looking.books(world)


async def _signed_and_charged(world: NetworkWorld, tx: bitcoin.Tx, received: int) -> None:
    prevouts = [await looking.output(world, txin.outpoint) for txin in tx.inputs]
    with world.proving("pegout.signatures") as proof:
        counts = [signatures.count(tx, index, prevouts) for index in range(len(tx.inputs))]
        for counted in counts:
            world.check(
                counted.required > 0 and counted.valid == counted.required and not counted.invalid,
                "exactly the threshold has signed",
                valid=counted.valid,
                invalid=counted.invalid,
                required=counted.required,
            )
        proof.evidence = f"{counts[0].valid} of {counts[0].keys} on each of {len(counts)} inputs"
    with world.proving("pegout.cost") as proof:
        spent = sum(prevout.value for prevout in prevouts)
        paid = sum(out.value for out in tx.outputs)
        asked = ASKED_WEI // looking.WEI_PER_SAT
        world.check(
            received == asked - (spent - paid),
            "the payee gets the value minus the fee",
            received=received,
            asked=asked,
            fee=spent - paid,
        )
        cost = spent - (paid - received)
        world.check(cost == asked, "the federation spends the value", cost=cost, asked=asked)
        proof.evidence = f"asked {asked}, received {received}, fee {spent - paid} sats"
