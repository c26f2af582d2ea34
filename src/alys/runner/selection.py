"""What the settings say about which scenarios run, and for how long: editing the file changes the run.

A built-in suite keeps a scenario per file, named as in the settings' lists. A file whose name no list could hold (a scenario
beyond the document's, a user's own) is nobody's to leave out.
"""

from pathlib import Path
from typing import Any

import msgspec

import alys
from alys.config import scenarios

_LISTS = {
    "stream_actor": "test_cases",
    "supervision": "failure_scenarios",
    "integration": "test_flows",
}


def chosen(files: list[Path], told: scenarios.TestScenarios) -> list[Path]:
    """The files without those built-in scenarios that the lists leave out, in their order."""
    return [file for file in files if not _left_out(file, told)]


def enabled(told: scenarios.TestScenarios) -> list[str]:
    """The suites that a run of everything includes, in the order of the settings."""
    return [name for name in told.__struct_fields__ if getattr(told, name).enabled]


def timeout_seconds(suite: str, told: scenarios.TestScenarios) -> int:
    """Wall time for one scenario of a suite; files of one's own have what integration has, several suites the longest."""
    if suite in ("all", "regression"):
        suites: list[scenarios.SuiteSettings] = [getattr(told, name) for name in enabled(told)]
        return max(one.timeout_seconds for one in suites or [told.integration])
    settings: scenarios.SuiteSettings = getattr(told, suite, told.integration)
    return settings.timeout_seconds


def _left_out(file: Path, told: scenarios.TestScenarios) -> bool:
    suite = file.parent.name
    if suite not in _LISTS or file.parent.parent != Path(alys.__file__).resolve().parent / "suites":
        return False
    settings: Any = getattr(told, suite)
    name = _LISTS[suite]
    everything = {field.name: field.default for field in msgspec.structs.fields(settings)}[name]
    return file.stem in everything and file.stem not in getattr(settings, name)
