"""What every test run of the project gets: refusals to skip, and the closing list of proofs.

A proof that needs a tool this machine lacks (node, chromium, bitcoind) skips with a reason that names the
tool. That is right on a laptop and wrong in continuous integration: `ALYS_REQUIRE=node,chromium` turns
each skip whose reason names a listed tool into a failure.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Generator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

REQUIRED = pytest.StashKey[tuple[str, ...]]()

# The same examples every time and no stop-watch: a red build means a broken promise, not a busy machine.
hypothesis.settings.register_profile("house", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    """Read the list of tools that must not be missing, once."""
    listed = os.environ.get("ALYS_REQUIRE", "")
    config.stash[REQUIRED] = tuple(tool.strip() for tool in listed.split(",") if tool.strip())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Refuse the skip of a test whose tool is required here."""
    report = yield
    refuse_skip(report, item.config.stash[REQUIRED])
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse the skip of a whole file whose tool is required here."""
    report = yield
    refuse_skip(report, collector.config.stash[REQUIRED])
    return report


def refuse_skip(
    report: pytest.TestReport | pytest.CollectReport, required: tuple[str, ...]
) -> None:
    """Turn a skip for a listed tool into a failure that names both."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = skip_reason(report)
    for tool in required:
        if re.search(rf"\b{re.escape(tool)}\b", reason, re.IGNORECASE):
            report.outcome = "failed"
            report.longrepr = f"ALYS_REQUIRE lists {tool}, so this may not be skipped: {reason}"


def skip_reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Tell why something was skipped, without pytest's prefix."""
    said: Any = report.longrepr
    text = said[2] if isinstance(said, tuple) else str(said)
    return text.removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """List the proofs that ran, by folder of tests, and each one that did not, with its reason."""
    ran: Counter[str] = Counter()
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, ()):
            ran[proof_of(report.nodeid)] += 1
    skipped = terminalreporter.stats.get("skipped", ())
    if not ran and not skipped:
        return
    terminalreporter.section("proofs")
    for proof in sorted(ran):
        terminalreporter.write_line(f"run      {ran[proof]:4}  {proof}")
    for report in skipped:
        terminalreporter.write_line(f"skipped        {report.nodeid}: {skip_reason(report)}")


def proof_of(node_id: str) -> str:
    """Group a test: by room, and by file where a file is a proof of its own (interop, the house)."""
    file = PurePosixPath(node_id.partition("::")[0])
    named = file.parent.name in ("tests", "interop", "properties")
    return str(file if named else file.parent)
