"""Killed at every act of a coin's way in and out, before it, after it, and after it was heard of: nothing is lost and nothing is done
twice.

``matrix`` has the runs, ``journey`` what is demanded of each.
"""

from collections.abc import Iterable

import msgspec
import pytest

from alys.actors.context import Context
from alys.node import records
from alys.node.bridge_records import Records
from alys.node.operations import PayoutRecord, PegoutRecord
from alys.node.storage import Storage
from tests.crash import matrix, runs
from tests.crash.lethal import Moment
from tests.crash.matrix import Matrix, Row

pytestmark = pytest.mark.slow

KINDS = (
    "store block",
    "store record/pegin",
    "store record/pegout",
    "call engine_newPayloadV2",
    "call engine_forkchoiceUpdatedV2",
    "call sendrawtransaction",
    "frame pegin_notification",
    "frame signature_request",
    "gossip ",
)
"""How the names of acts begin that must be among them."""


def test_whatever_the_node_was_about_to_do_when_it_died_every_peg_completes_once() -> None:
    found = matrix.whole()
    missing = [kind for kind in KINDS if not any(act.startswith(kind) for act in found.acts)]
    assert not missing, "the journey does not come by these"
    assert len(found.rows) == len(found.acts) * len(Moment)
    assert not found.failed, f"{matrix.summary(found)}\n{matrix.table(found)}"


def forget(prefix: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Break Storage: what has a key like this is said to be stored, and is not."""
    write = Storage._write

    async def forgets(
        self: Storage, ctx: Context, values: dict[bytes, object], deletes: tuple[bytes, ...] = ()
    ) -> bool:
        kept = {key: value for key, value in values.items() if not key.startswith(prefix)}
        return await write(self, ctx, kept, deletes)

    monkeypatch.setattr(Storage, "_write", forgets)


def test_a_node_that_forgets_its_operations_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    forget(records.RECORDS, monkeypatch)
    acts = matrix.undisturbed()
    rows = [_row(acts, number) for number in range(len(acts) // 2, len(acts), 3)]
    assert any(row.failure for row in rows)


def test_a_node_that_settles_a_payout_and_its_requests_in_two_steps_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It did so once: killed between the two, the request was never settled."""
    keep = Records.keep

    async def in_two_steps(
        self: Records,
        ctx: Context,
        payouts: Iterable[PayoutRecord],
        pegouts: Iterable[PegoutRecord],
    ) -> None:
        await keep(self, ctx, payouts, ())
        await keep(self, ctx, (), pegouts)

    monkeypatch.setattr(Records, "keep", in_two_steps)
    acts = matrix.undisturbed()
    last = max(number for number, act in enumerate(acts) if act == "store record/payout")
    assert "the peg-out is settled" in _row(acts, last).failure


def _row(acts: tuple[str, ...], number: int) -> Row:
    return matrix.row_of(acts, number, Moment.HEARD, matrix._job((number, Moment.HEARD, runs.SEED)))


def test_a_kill_at_the_same_act_is_the_same_run() -> None:
    first, again = (matrix._job((12, Moment.UNHEARD, runs.SEED)) for _ in range(2))
    assert first == again
    assert first.killed


def test_a_run_that_was_not_killed_proves_nothing() -> None:
    found = matrix._job((12, Moment.BEFORE, runs.SEED))
    acts = tuple(f"another {act}" for act in found.acts)
    assert "was killed at another act" in matrix.row_of(acts, 12, Moment.BEFORE, found).failure
    lived = msgspec.structs.replace(found, killed=False)
    assert "was not killed" in matrix.row_of(found.acts, 12, Moment.BEFORE, lived).failure


def test_the_table_names_what_was_lost_and_the_summary_counts_it() -> None:
    rows = tuple(
        Row(number=0, act="store head", moment=moment, failure=failure, seconds=12.3)
        for moment, failure in zip(Moment, ("", "a wei", ""), strict=True)
    )
    found = Matrix(seed=7, acts=("store head",), rows=rows, wall_seconds=1.0)
    assert "| 1 | store head | 12 s | a wei | 12 s |" in matrix.table(found)
    assert matrix.summary(found).startswith("3 runs, one for each of 1 acts and 3 moments, seed 7")
    assert "1 lost something" in matrix.summary(found)
