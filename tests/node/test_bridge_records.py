"""What Bridge remembers: all of it comes back from Storage, and an incident is one however often it is met."""

from alys.actors.context import Context
from alys.base.units import Sats
from alys.chain.peg import Deposit
from alys.node.bridge_records import Records
from alys.node.operations import (
    Cursor,
    IncidentKind,
    PayoutRecord,
    PeginRecord,
    PeginState,
    PegoutRecord,
    PegoutState,
)
from alys.node.storage import Storage
from tests.chain.test_claims import final
from tests.node.bench import Bench

PROPOSAL = final().payouts_finalised[0]


def bench() -> Bench:
    made = Bench()
    made.store("store")
    made.start("storage", lambda: Storage("store"))
    return made


def pegin(number: int, state: PeginState) -> PeginRecord:
    deposit = Deposit(txid=f"{number:064x}", vout=0, sats=Sats(5_000), evm_address=b"\x01" * 20)
    return PeginRecord(deposit=deposit, block_hash="bb" * 32, height=7, state=state)


def pegout(state: PegoutState) -> PegoutRecord:
    return PegoutRecord(id="pegout:0x1:0", address=b"a", wei="5", state=state)


def payout(state: PegoutState) -> PayoutRecord:
    return PayoutRecord(proposal=PROPOSAL, operations=("pegout:0x1:0",), state=state)


def test_everything_that_is_kept_comes_back() -> None:
    stage = bench()
    kept = Records("storage", 100)

    async def write(ctx: Context) -> None:
        await kept.keep_pegins(ctx, pegin(1, PeginState.SEEN), pegin(2, PeginState.MINTED))
        await kept.keep_pegouts(ctx, pegout(PegoutState.FINALISED))
        await kept.keep_payout(ctx, payout(PegoutState.FINALISED))
        await kept.keep_cursor(ctx, Cursor(height=107, hashes={107: "bb" * 32}))
        await kept.open_incident(ctx, IncidentKind.OVERDUE, "pegout:0x1:0", detail="slow")

    stage.within(write)
    again = Records("storage", 100)
    assert again.cursor.height == 100
    stage.within(again.load)
    for name in ("pegins", "pegouts", "payouts", "incidents", "cursor"):
        assert getattr(again, name) == getattr(kept, name), name
    assert list(again.unsteady) == [pegin(1, PeginState.SEEN).deposit.outpoint]
    assert list(again.unended) == ["pegout:0x1:0"]
    assert list(again.unpaid) == [PROPOSAL.txid]


def test_what_has_come_to_an_end_is_not_looked_at_again() -> None:
    stage = bench()
    records = Records("storage", 100)

    async def write(ctx: Context) -> None:
        for state in (PeginState.READY, PeginState.MINTED):
            await records.keep_pegins(ctx, pegin(1, state))
        for end in (PegoutState.BROADCAST, PegoutState.SETTLED):
            await records.keep_pegouts(ctx, pegout(end))
            await records.keep_payout(ctx, payout(end))

    stage.within(write)
    assert (records.unsteady, records.unended, records.unpaid) == ({}, {}, {})


def test_an_incident_is_one_until_it_is_over_and_may_come_back() -> None:
    stage = bench()
    records = Records("storage", 100)
    kind = IncidentKind.DEPOSIT_LOST

    async def open_it(ctx: Context) -> None:
        await records.open_incident(ctx, kind, "pegin:1", txid="ab", sats=5, detail="gone")

    async def resolve(ctx: Context) -> None:
        await records.resolve_incident(ctx, kind, "pegin:1")

    stage.within(resolve)
    assert records.incidents == {}
    stage.within(open_it)
    (first,) = records.incidents.values()
    stage.run_for(5)
    stage.within(open_it)
    assert list(records.incidents.values()) == [first]
    assert records.open_kinds("pegin:1") == ("deposit_lost",)
    stage.within(resolve)
    (over,) = records.incidents.values()
    assert over.resolved_at is not None
    assert over.resolved_at > over.since
    assert records.open_kinds("pegin:1") == ()
    stage.within(open_it)
    (back,) = records.incidents.values()
    assert (back.resolved_at, back.since > first.since) == (None, True)
