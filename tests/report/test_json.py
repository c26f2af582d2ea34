"""The record as JSON."""

import json as standard

import msgspec
import pytest

from alys.report import json
from tests.report import records


def test_what_is_written_is_read_back_equal() -> None:
    run = records.failed_run()
    assert json.parse(json.render(run)) == run


def test_it_is_one_object_with_what_the_command_promises() -> None:
    told = standard.loads(json.render(records.failed_run()))
    assert {
        "verdict": "fail",
        "exit_code": 1,
        "seed": 7,
        "trace_hash": "ab" * 32,
        "duration_s": 2.5,
        "results_dir": "results/20260101T000000Z-integration-abc123",
    }.items() <= told.items()
    assert told["counts"]["failed"] == 1
    assert told["causes"] == [told["cause"]]
    assert told["cases"][1]["outcome"] == "failed"


def test_an_amount_in_wei_keeps_every_digit() -> None:
    run = records.run(records.case(facts={"supply": 21 * 10**24 + 1}))
    assert json.parse(json.render(run)).cases[0].facts == {"supply": 21 * 10**24 + 1}


def test_another_object_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        json.parse('{"verdict": "pass"}')
