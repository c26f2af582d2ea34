"""A program: runs seeds one after the other and writes a line of JSON for each, its trace hash or why there is none.

``determinism`` starts two of them, in which strings hash differently. With ``--trace FILE`` one seed's records go into a file, a line
for each.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from alys.campaigns import campaign, life
from alys.campaigns.plan import Plan
from alys.campaigns.workers import Crew, Ended


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A seed in one process."""

    seed: int
    trace_hash: str = ""
    lost: str = ""
    """Why there is no hash."""


def main(arguments: Sequence[str]) -> int:
    """0, whatever the runs were like."""
    made = argparse.ArgumentParser(prog="python -m alys.campaigns.hashes", description=__doc__)
    made.add_argument("first", type=int)
    made.add_argument("after", type=int)
    made.add_argument("--faults", default="all")
    made.add_argument("--profile", default="mixed")
    made.add_argument("--jobs", type=int, default=1)
    made.add_argument("--trace", type=Path)
    given = made.parse_args(arguments)
    if given.trace is not None:
        _, records = life.traced(_plan(given.first, given))
        given.trace.write_text("".join(f"{record}\n" for record in records), encoding="utf-8")
        return 0
    for seen in _seen(given):
        sys.stdout.write(msgspec.json.encode(seen).decode() + "\n")
        sys.stdout.flush()
    return 0


def _plan(seed: int, given: argparse.Namespace) -> Plan:
    return life.plan_of(seed, given.faults, given.profile)


def _seen(given: argparse.Namespace) -> Iterator[Seen]:
    """In order of the seeds."""

    def work(seed: int) -> bytes:
        return life.run(_plan(seed, given)).trace_hash.encode()

    early: dict[int, Ended] = {}
    begun = wanted = given.first
    life.warm()
    clock = time.monotonic  # noqa: TID251 - the wall's, for runs without an end
    with Crew(work, jobs=given.jobs, limit_s=campaign.RUN_SECONDS_MAX, clock=clock) as crew:
        while wanted < given.after:
            while crew.free and begun < given.after:
                crew.begin(begun)
                begun += 1
            early |= {one.seed: one for one in crew.ended(1.0)}
            while (one := early.pop(wanted, None)) is not None:
                yield Seen(seed=one.seed, trace_hash=one.told.decode(), lost=one.lost)
                wanted += 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
