"""The record as JUnit XML, the form that CI systems read.

The dialect is the one that pytest and Jenkins share: ``testsuites > testsuite > testcase`` with one of ``failure``,
``error`` or ``skipped`` inside. JUnit has no word for inconclusive: it becomes an ``error``, because a ``skipped`` one would
count as success.
"""

import re
from xml.sax import saxutils

from alys.report import record

_TAGS = {
    record.Outcome.FAILED: "failure",
    record.Outcome.THRESHOLD: "failure",
    record.Outcome.INCONCLUSIVE: "error",
    record.Outcome.ERROR: "error",
    record.Outcome.NOT_RUN: "error",
    record.Outcome.SKIPPED: "skipped",
}

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 section 2.2 does not allow in a document, not even escaped."""


def render(run: record.RunRecord) -> str:
    """The whole document, ending with a newline."""
    counts = run.counts
    broken = counts.inconclusive + counts.error + counts.not_run + (not run.cases)
    totals = _attributes(
        name=run.suite,
        tests=max(counts.collected, 1),
        failures=counts.failed + counts.threshold,
        errors=broken,
        skipped=counts.skipped,
        time=f"{run.duration_s:.3f}",
        timestamp=run.started_at,
    )
    cases = [_case(run.suite, case) for case in run.cases] or [_empty(run)]
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f"<testsuites{_attributes(name='alys')}>",
        f"<testsuite{totals}>",
        *_properties(run),
        *cases,
        "</testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _properties(run: record.RunRecord) -> list[str]:
    named = {
        "run_id": run.run_id,
        "world": run.world,
        "seed": run.seed,
        "verdict": run.verdict,
        "exit_code": run.exit_code,
        "trace_hash": run.trace_hash or "",
        "commit": run.versions.commit,
        "configuration": run.versions.config_hash,
        "image": run.versions.image,
        "replay": run.replay,
    }
    rows = [f"<property{_attributes(name=key, value=value)}/>" for key, value in named.items()]
    return ["<properties>", *rows, "</properties>"]


def _case(suite: str, case: record.CaseRecord) -> str:
    head = _attributes(classname=suite, name=case.name, time=f"{case.duration_s:.3f}")
    tag = _TAGS.get(case.outcome)
    if tag is None:
        return f"<testcase{head}/>"
    why = _attributes(message=case.cause or case.outcome.value, type=case.outcome.value)
    inside = f"{_flake(case)}<{tag}{why}>{_text(case.detail)}</{tag}>"
    return f"<testcase{head}>{inside}</testcase>"


def _flake(case: record.CaseRecord) -> str:
    """The verdict of the replays, as properties of the case: the form that pytest and Jenkins have for more than the dialect says."""
    if case.flake is None:
        return ""
    named = {"flake": case.flake.kind, "flake_why": case.flake.sentence}
    rows = [f"<property{_attributes(name=key, value=value)}/>" for key, value in named.items()]
    return f"<properties>{''.join(rows)}</properties>"


def _empty(run: record.RunRecord) -> str:
    """A run without cases is not a success: CI systems call an empty suite green."""
    why = _attributes(message=run.cause or "nothing ran", type=run.verdict)
    return f"<testcase{_attributes(classname=run.suite, name='run')}><error{why}/></testcase>"


def _attributes(**values: object) -> str:
    """Attributes with a leading space each; control characters and line breaks survive as XML allows."""
    extra = {'"': "&quot;", "\n": "&#10;", "\t": "&#9;", "\r": "&#13;"}
    return "".join(
        f' {name}="{saxutils.escape(_allowed(str(value)), extra)}"'
        for name, value in values.items()
    )


def _text(value: str) -> str:
    return saxutils.escape(_allowed(value))


def _allowed(value: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", value)
