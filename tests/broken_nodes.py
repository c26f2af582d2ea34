"""The node with one rule taken away: ``python -m tests.broken_nodes BREAKAGE ARGUMENTS`` is ``alys ARGUMENTS`` with that breakage.

A node of somebody else's making may have any of these; here they are made on purpose, to see that they are found from outside.
"""

import sys
from collections.abc import Callable
from typing import Any

from alys.actors.context import Context
from alys.chain import state
from alys.node.bridge_deposits import Deposits
from alys.node.bridge_payouts import Payouts
from alys.node.operations import PeginState

Patch = Callable[[Any, str, Any], None]


async def nothing(*_: Any) -> None:
    """Do not do it."""


def never_pays(patch: Patch) -> None:
    """Payouts are signed and stay at home."""
    patch(Payouts, "broadcast", nothing)


def mints_twice(patch: Patch) -> None:
    """Nobody remembers what was minted, and Bridge tells of each deposit once more when it was."""
    honest = Deposits.advance
    told: set[str] = set()

    async def insistent(self: Deposits, tip: int, ctx: Context) -> None:
        await honest(self, tip, ctx)
        for record in self._records.pegins.values():
            if record.state is PeginState.MINTED and record.id not in told:
                told.add(record.id)
                self.tell_ready(record, ctx)

    patch(state, "already_minted", lambda *_: False)
    patch(Deposits, "advance", insistent)


BREAKAGES: dict[str, Callable[[Patch], None]] = {
    "mints-twice": mints_twice,
    "never-pays": never_pays,
}


def main() -> int:
    """Break, then run."""
    from alys.cli import front

    breakage, *arguments = sys.argv[1:]
    BREAKAGES[breakage](setattr)
    return front.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
