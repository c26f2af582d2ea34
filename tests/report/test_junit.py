"""The record as JUnit XML."""

from xml.etree import ElementTree

import pytest

from alys.report import junit, record
from tests.report import records


def suite_of(run: record.RunRecord) -> ElementTree.Element:
    found = ElementTree.fromstring(junit.render(run)).find("testsuite")
    assert found is not None
    return found


def test_a_run_with_a_failure() -> None:
    suite = suite_of(records.failed_run())
    assert {
        name: suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped")
    } == {
        "name": "integration",
        "tests": "2",
        "failures": "1",
        "errors": "0",
        "skipped": "0",
    }
    passed, failed = suite.findall("testcase")
    assert (passed.get("name"), passed.get("time"), list(passed)) == ("peg_in", "1.250", [])
    why = failed.find("failure")
    assert why is not None
    assert why.get("message") == 'paid <once> & "only" once'
    assert why.text is not None
    assert "<line>" in why.text


def test_what_a_run_was_is_in_its_properties() -> None:
    rows = {row.get("name"): row.get("value") for row in suite_of(records.run()).iter("property")}
    assert rows["seed"] == "7"
    assert rows["replay"] == "alys test integration --world sim --seed 7"
    assert rows["verdict"] == "pass"


@pytest.mark.parametrize(
    ("outcome", "tag", "total"),
    [
        (record.Outcome.FAILED, "failure", "failures"),
        (record.Outcome.INCONCLUSIVE, "error", "errors"),
        (record.Outcome.ERROR, "error", "errors"),
        (record.Outcome.NOT_RUN, "error", "errors"),
        (record.Outcome.SKIPPED, "skipped", "skipped"),
    ],
)
def test_every_outcome_but_a_pass_is_seen(outcome: record.Outcome, tag: str, total: str) -> None:
    suite = suite_of(records.run(records.failed(outcome=outcome)))
    case = suite.find("testcase")
    assert case is not None
    assert [child.tag for child in case] == [tag]
    totals = {name: suite.get(name) for name in ("failures", "errors", "skipped")}
    assert totals == {name: "1" if name == total else "0" for name in totals}


def test_a_run_of_nothing_is_not_green() -> None:
    suite = suite_of(records.run(verdict="inconclusive", exit_code=4, cause="nothing ran"))
    error = suite.find("testcase/error")
    assert error is not None
    assert error.get("message") == "nothing ran"
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")


def test_characters_that_xml_cannot_say_do_not_break_the_document() -> None:
    text = "a\x00b\x1b[31mc\ud800\n\tend"
    suite = suite_of(records.run(records.failed(cause=text, detail=text)))
    why = suite.find("testcase/failure")
    assert why is not None
    replaced = "a\ufffdb\ufffd[31mc\ufffd\n\tend"
    assert (why.get("message"), why.text) == (replaced, replaced)
