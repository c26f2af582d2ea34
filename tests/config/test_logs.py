"""Log records as lines."""

import json
import logging
import re
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from alys.config import logs, settings


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """The machinery of logging is one for the whole process."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    logs.set_up(settings.TestEnvironment())
    root.handlers[:] = before
    root.setLevel(level)


def set_up(directives: str, log_format: settings.LogFormat = "json") -> None:
    logs.set_up(settings.TestEnvironment(log_level=directives, log_format=log_format))


def told(capture: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capture.readouterr().err.splitlines()]


def test_a_json_record_is_one_object_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("debug")
    extra = {"height": 7, "hash": b"\x01\xff", "peers": ("a", "b"), "kind": {1: None}}
    logging.getLogger("alys.node.chain").debug("block %d\nimported", 7, extra=extra)
    (record,) = told(capsys)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("timestamp"))
    assert record == {
        "level": "debug",
        "target": "alys.node.chain",
        "message": "block 7\nimported",
        "fields": {"height": 7, "hash": "01ff", "peers": ["a", "b"], "kind": {"1": None}},
    }


def test_a_record_without_fields_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("info")
    logging.getLogger("alys").info("words")
    (record,) = told(capsys)
    assert set(record) == {"timestamp", "level", "target", "message"}


def test_strange_values_do_not_break_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("info")
    extra = {"odd": "\ud800", "number": float("nan"), "thing": object, "names": {"x"}}
    logging.getLogger("alys").info("\udcff", extra=extra)
    (record,) = told(capsys)
    assert record["message"] == "\\udcff"
    assert record["fields"] == {
        "odd": "\\ud800",
        "number": None,
        "thing": "<class 'object'>",
        "names": ["x"],
    }


def test_a_record_whose_words_do_not_fit_its_arguments_is_told_as_that(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record = logging.LogRecord("alys", logging.INFO, "", 1, "%d", ("x",), None)
    logs.Stderr().emit(record)
    assert capsys.readouterr().err.startswith("alys: a log record cannot be shown: TypeError(")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_an_exception_goes_with_its_record_and_passwords_do_not(
    capsys: pytest.CaptureFixture[str], log_format: settings.LogFormat
) -> None:
    set_up("info", log_format)
    try:
        raise ValueError("cannot reach http://alice:hush@node:1")
    except ValueError:
        logging.getLogger("alys").exception("tried http://alice:hush@node:1")
    said = capsys.readouterr().err
    assert "hush" not in said
    assert "tried http://alice:***@node:1" in said
    assert "ValueError: cannot reach http://alice:***@node:1" in said
    lines = said.splitlines()
    assert len(lines) == 1 or all(line.startswith("    ") for line in lines[1:])


def test_a_text_record_is_a_line_that_a_person_reads(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("info", "text")
    logging.getLogger("alys.node").warning("slow\nanswer", extra={"ms": 12})
    said = capsys.readouterr().err
    assert re.fullmatch(r"\S{23}Z WARN  alys\.node: slow\n    answer ms=12\n", said)


@pytest.mark.parametrize(
    ("directives", "heard"),
    [
        ("info", ["alys.node info", "other info"]),
        ("trace", ["alys.node trace", "alys.node info", "other trace", "other info"]),
        ("off", []),
        ("warn,alys::node=trace", ["alys.node trace", "alys.node info"]),
        ("off,alys=info", ["alys.node info"]),
        ("info,alys=off", ["other info"]),
        ("trace,alys.node=info", ["alys.node info", "other trace", "other info"]),
    ],
)
def test_directives_decide_who_is_heard(
    capsys: pytest.CaptureFixture[str], directives: str, heard: list[str]
) -> None:
    set_up(directives)
    for target in ("alys.node", "other"):
        logging.getLogger(target).log(logs.TRACE, "x")
        logging.getLogger(target).info("x")
    assert [f"{record['target']} {record['level']}" for record in told(capsys)] == heard


def test_the_last_call_counts(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("off,alys.node=trace")
    set_up("info", "text")
    logging.getLogger("alys.node").debug("not heard")
    logging.getLogger("alys.node").info("heard once")
    assert capsys.readouterr().err.count("\n") == 1


def test_levels_in_between_have_the_name_of_the_lower(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("trace")
    for level in (1, 9, 25, 50):
        logging.getLogger("alys").log(max(level, logs.TRACE), "x")
    assert [record["level"] for record in told(capsys)] == ["trace", "trace", "info", "error"]


def test_a_reader_that_has_gone_away_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def write(self, _: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise AssertionError("nothing was written")

    set_up("info")
    monkeypatch.setattr(sys, "stderr", Gone())
    logging.getLogger("alys").info("words")


def test_every_format_that_the_settings_allow_is_there() -> None:
    kind = next(
        field.type
        for field in msgspec.structs.fields(settings.TestEnvironment)
        if field.name == "log_format"
    )
    assert set(logs.FORMATS) == set(kind.__args__)


def test_libraries_tell_of_themselves_only_when_they_are_named() -> None:
    set_up("trace")
    assert not logging.getLogger("kubernetes.client.rest").isEnabledFor(logging.DEBUG)
    assert logging.getLogger("alys.node").isEnabledFor(logs.TRACE)
    set_up("error,kubernetes=debug")
    assert logging.getLogger("kubernetes.client.rest").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("grpc").isEnabledFor(logging.WARNING)
