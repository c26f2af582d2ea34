"""Orders of governance as records: a halt is read back by whoever starts."""

from typing import Any

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Request
from alys.chain.spec import dev_federation
from alys.node import orders
from alys.node.orders import NO_HALT, FederationsKnown, Halt
from alys.node.storage import Storage
from tests.chain.offers import NEXT
from tests.node.bench import Bench


class Keep(Request[Halt], frozen=True, kw_only=True):
    halt: Halt | None = None


class Keeper(Actor):
    async def on_keep(self, message: Keep, ctx: Context) -> Any:
        if message.halt is not None:
            await orders.save_halt(ctx, "storage", message.halt)
        return await orders.load_halt(ctx, "storage")


def test_a_halt_outlives_who_stored_it() -> None:
    bench = Bench()
    bench.store("store")
    bench.start("storage", lambda: Storage("store"))
    bench.start("keeper", Keeper)
    assert bench.ask("keeper", Keep()) == NO_HALT
    halt = Halt(number=3, in_force=True, reason="a key is lost")
    bench.ask("keeper", Keep(halt=halt))
    bench.stop("keeper")
    bench.stop("storage")
    bench.start("storage", lambda: Storage("store"))
    bench.start("keeper", Keeper)
    assert bench.ask("keeper", Keep()) == halt


def test_all_scripts_are_listed_once() -> None:
    old = dev_federation()
    known = FederationsKnown(federations=(old, NEXT, old), pending=NEXT)
    assert known.scripts == (old.script_pubkey, NEXT.script_pubkey)
    assert FederationsKnown(federations=(old,), pending=NEXT).scripts == known.scripts
