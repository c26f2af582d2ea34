"""Which suites there are, and which files a name or a path means."""

from pathlib import Path

import alys
from alys.base import errors
from alys.config.errors import nearest_name

ALIASES = {"stream": "stream_actor"}
"""Shorter names for suites, as typed on the command line; what is reported has the full one."""


def suites() -> dict[str, list[Path]]:
    """The built-in suites by name, with their scenario files in order."""
    root = Path(alys.__file__).resolve().parent / "suites"
    found = {folder.name: scenario_files(folder) for folder in sorted(root.iterdir())}
    return {name: files for name, files in found.items() if files}


def scenario_files(folder: Path) -> list[Path]:
    """The files of a folder that hold scenarios: every module that does not start with an underscore."""
    return sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))


def resolve(suite: str) -> tuple[str, list[Path]]:
    """A label and the files for what was typed: a suite's name, or the path of a scenario file or folder.

    Raises UsageError that names the nearest suite, or the file that is not there.
    """
    known = suites()
    suite = ALIASES.get(suite, suite)
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
    near = nearest_name(suite, known)
    hint = f"; did you mean {near!r}?" if near else ""
    raise errors.UsageError(
        f"no suite {suite!r}{hint} (suites: {', '.join(known) or 'none'}; or the path of a scenario file)"
    )
