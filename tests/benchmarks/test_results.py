"""The results as JSON."""

import json

import msgspec
import pytest

from benchmarks.results import parse, render
from tests.benchmarks.made_up import ask, results, row


def test_results_survive_being_written_and_read() -> None:
    run = results(row(), ask(ours=None, failure="Broken: no"))
    assert parse(render(run)) == run


def test_a_row_has_the_fields_that_readers_of_the_file_look_for() -> None:
    (written,) = json.loads(render(results(row())))["rows"]
    assert written["name"] == "tell"
    assert written["peers"] == {"asyncio": 1_900_000.0, "pykka": "not installed"}
    wanted = {"unit", "ours", "ratio_to_queue", "goal", "floor", "met", "rounds"}
    assert wanted <= set(written)


def test_other_json_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        parse("{}")
