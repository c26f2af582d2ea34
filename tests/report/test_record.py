"""The record of a run."""

import enum

import msgspec
import pytest

from alys.report import record
from tests.report import records


class Side(enum.Enum):
    LEFT = "left"


class Pair(msgspec.Struct):
    key: bytes
    sats: int


def test_cases_are_counted_by_outcome_and_none_is_lost() -> None:
    cases = tuple(records.case(str(o), outcome=o, samples=2) for o in record.Outcome)
    counts = record.count((*cases, records.case()))
    assert (counts.passed, counts.failed, counts.collected) == (2, 1, len(cases) + 1)
    assert counts.samples == 2 * len(cases) + 3
    told = msgspec.structs.asdict(counts)
    by_outcome = sum(n for name, n in told.items() if name not in ("collected", "samples"))
    assert by_outcome == counts.collected


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (10**30, 10**30),
        (0.5, 0.5),
        (float("inf"), "inf"),
        (b"\xab", "ab"),
        ({1: (2, [b"\x03"])}, {"1": [2, ["03"]]}),
        ({"b", "a"}, ["a", "b"]),
        (Side.LEFT, "left"),
        (Pair(key=b"\x01", sats=2), {"key": "01", "sats": 2}),
        (ValueError("odd"), "odd"),
    ],
)
def test_any_figure_becomes_json(value: object, plain: object) -> None:
    made = record.plain(value)
    assert made == plain
    assert msgspec.json.decode(msgspec.json.encode(made)) == plain
