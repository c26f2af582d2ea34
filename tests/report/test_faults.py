"""Faults as lines and as JSON."""

import json

from alys.base import faults
from alys.base.misbehaviour import Noted
from alys.report.faults import json as as_json
from alys.report.faults import text

ON = Noted(id=1, fault=faults.Hang(calls=("a", "b"), times=5), touched=2, left=3)
ENDED = Noted(id=2, fault=faults.Latency(ms=0.5), touched=7, left=None, ended="duration")


def test_each_fault_is_a_line() -> None:
    assert text("bitcoin", [ON, ENDED]) == (
        "bitcoin: 1  hang times=5 calls=a,b  on, touched 2, 3 left\n"
        "bitcoin: 2  latency ms=0.5  ended (duration), touched 7\n"
    )
    assert text("bitcoin", []) == "bitcoin: no faults\n"


def test_as_json_it_is_one_object() -> None:
    told = json.loads(as_json("bitcoin", [ON]))
    fault = {"kind": "hang", "times": 5, "calls": ["a", "b"]}
    assert told["faults"] == [{"id": 1, "fault": fault, "touched": 2, "left": 3, "ended": ""}]
    assert told["service"] == "bitcoin"
