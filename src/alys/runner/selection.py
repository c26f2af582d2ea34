"""What the settings say about which scenarios run, and for how long: editing the file changes the run.

A built-in suite keeps a scenario per file, named as in the settings' lists. A file whose name no list could hold (a scenario
beyond the document's, a user's own) is nobody's to leave out, unless it is an extended one: those run where
``test_environment.comprehensive`` asks for them, whatever the lists say.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from alys.config import scenarios
from alys.config.settings import Placement, Settings
from alys.runner import catalogue

_LISTS = {
    "stream_actor": "test_cases",
    "supervision": "failure_scenarios",
    "integration": "test_flows",
}

SEVERAL_NODES = frozenset({"federation_under_failure"})
"""Files of built-in suites whose scenarios kill some of several nodes: world ``remote`` has one, and services for no more."""

EXTENDED_TIMES = 4
"""How many times as long as its suite allows an extended scenario may take: in a cluster node time is no faster than the wall's."""


def chosen(suite: str, files: list[Path], settings: Settings) -> list[Path]:
    """The files without those that the settings leave out, in their order.

    ``suite`` is the run's label: a suite that is turned off is left out of runs of everything only, since whoever names it
    wants it.
    """
    told = settings.test_scenarios
    whole = suite in catalogue.WHOLE
    return [
        file
        for file in files
        if not _unlisted(file, told)
        and not _lacks_nodes(file, settings)
        and (settings.test_environment.comprehensive or not _extended(file))
        and not (whole and catalogue.suite_of(file) in disabled(told))
    ]


def left_out(suite: str, files: list[Path], settings: Settings) -> tuple[str, ...]:
    """What a run of everything does not include, each with the setting that says so; nothing for other runs."""
    if suite not in catalogue.WHOLE:
        return ()
    told = settings.test_scenarios
    said = [f"{name}: test_scenarios.{name}.enabled is false" for name in disabled(told)]
    extended = [file for file in files if _extended(file)]
    if extended and not settings.test_environment.comprehensive:
        said.append(
            f"extended scenarios ({_listed(extended)}): test_environment.comprehensive is false"
        )
    if not settings.test_environment.comprehensive:
        said.append(
            "a simulated campaign and the planted bugs: test_environment.comprehensive is false"
        )
    said += [
        f"{file.stem}: it needs several nodes, and world remote has one"
        for file in files
        if _lacks_nodes(file, settings) and settings.test_environment.comprehensive
    ]
    for file in files:
        name = catalogue.suite_of(file)
        if name not in disabled(told) and _unlisted(file, told):
            said.append(f"{file.stem}: test_scenarios.{name}.{_LISTS[name]} does not list it")
    return tuple(said)


def enabled(told: scenarios.TestScenarios) -> list[str]:
    """The suites that a run of everything includes, in the order of the settings."""
    return [name for name in told.__struct_fields__ if getattr(told, name).enabled]


def disabled(told: scenarios.TestScenarios) -> list[str]:
    """The others."""
    return [name for name in told.__struct_fields__ if not getattr(told, name).enabled]


def scenario_seconds(file: Path, told: scenarios.TestScenarios) -> int:
    """Wall time for a scenario of this file: its own suite's; files of one's own have what integration has."""
    suite: scenarios.SuiteSettings = getattr(told, catalogue.suite_of(file), told.integration)
    return suite.timeout_seconds * (EXTENDED_TIMES if _extended(file) else 1)


def run_seconds(suite: str, settings: Settings) -> int:
    """Wall time for the run: ``test_environment.timeout_seconds``, and in a run of everything so much for every suite in it.

    The document gives 300 s to each of its Jobs, of which performance alone fills nine tenths; a whole regression is not cut off
    while each of its suites keeps what it may take alone. Where the extended scenarios run too, it is as many times that as one of
    them may take longer than its suite allows.
    """
    told = settings.test_environment
    suites = len(enabled(settings.test_scenarios)) if suite in catalogue.WHOLE else 1
    return told.timeout_seconds * max(1, suites) * (EXTENDED_TIMES if told.comprehensive else 1)


def placement(file: Path) -> Placement | None:
    """What a scenario of this file must have: performance measures the node's process, so the node needs one of its own."""
    return "split" if catalogue.suite_of(file) == "performance" else None


def _lacks_nodes(file: Path, settings: Settings) -> bool:
    several = bool(catalogue.suite_of(file)) and file.stem in SEVERAL_NODES
    return several and settings.world.kind == "remote"


def _extended(file: Path) -> bool:
    return bool(catalogue.suite_of(file)) and file.parent.name == catalogue.EXTENDED


def _unlisted(file: Path, told: scenarios.TestScenarios) -> bool:
    suite = catalogue.suite_of(file)
    if suite not in _LISTS or _extended(file):
        return False
    settings: Any = getattr(told, suite)
    name = _LISTS[suite]
    everything = {field.name: field.default for field in msgspec.structs.fields(settings)}[name]
    return file.stem in everything and file.stem not in getattr(settings, name)


def _listed(files: Iterable[Path]) -> str:
    return ", ".join(file.stem for file in files)
