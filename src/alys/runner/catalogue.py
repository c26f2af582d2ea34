"""Which suites there are, and which files a name or a path means."""

from pathlib import Path

import alys
from alys.base import errors
from alys.config import scenarios
from alys.config.errors import nearest_name

ALIASES = {"stream": "stream_actor"}
"""Shorter names for suites, as typed on the command line; what is reported has the full one."""

WHOLE = ("all", "regression")
"""Names that mean every suite; which of them are turned off is decided in ``selection``."""

CONFORMANCE = "conformance"
"""What ``alys check`` runs; no part of a run of everything."""

EXTENDED = "extended"
"""The folder inside a suite's that holds its longer scenarios."""

_ORDER = scenarios.TestScenarios.__struct_fields__


def suites() -> dict[str, list[Path]]:
    """The built-in suites by name in the order of the settings, each with its files, the extended ones last.

    Performance is the last of the settings, so that in a run of everything nothing else is under way while it measures.
    """
    root = Path(alys.__file__).resolve().parent / "suites"
    folders = sorted(root.iterdir(), key=lambda folder: (_place(folder.name), folder.name))
    found = {
        folder.name: scenario_files(folder) + scenario_files(folder / EXTENDED)
        for folder in folders
    }
    return {name: files for name, files in found.items() if files}


def suite_of(file: Path) -> str:
    """The built-in suite that a scenario file belongs to; empty for a file of one's own."""
    folder = file.parent.parent if file.parent.name == EXTENDED else file.parent
    root = Path(alys.__file__).resolve().parent / "suites"
    return folder.name if folder.parent == root else ""


def _place(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def scenario_files(folder: Path) -> list[Path]:
    """The files of a folder that hold scenarios: every module that does not start with an underscore."""
    return sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))


def resolve(suite: str) -> tuple[str, list[Path]]:
    """A label and the files for what was typed: a suite's name, or the path of a scenario file or folder.

    Raises UsageError that names the nearest suite, or the file that is not there.
    """
    known = suites()
    suite = ALIASES.get(suite, suite)
    if suite in WHOLE:
        parts = (files for name, files in known.items() if name != CONFORMANCE)
        return suite, [file for files in parts for file in files]
    if suite in known:
        return suite, known[suite]
    path = Path(suite)
    if path.is_file() and path.suffix == ".py":
        return path.stem, [path.resolve()]
    if path.is_dir():
        files = scenario_files(path)
        if not files:
            raise errors.UsageError(f"no scenario file (*.py) in {suite}")
        return path.resolve().name, [file.resolve() for file in files]
    if path.suffix or "/" in suite:
        raise errors.UsageError(f"no scenario file {suite}")
    near = nearest_name(suite, [*known, *WHOLE])
    hint = f"; did you mean {near!r}?" if near else ""
    raise errors.UsageError(
        f"no suite {suite!r}{hint} (suites: {', '.join([*known, *WHOLE])}; or the path of a scenario file)"
    )
