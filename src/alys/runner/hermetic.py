"""Runs pytest as if the machine had no other: no configuration file, no conftest, no options from the environment, no
installed plugins, no cache, no output of its own.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from alys.base import errors

_ENVIRONMENT_OF_PYTEST = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DEBUG")
_OFF = (
    "cacheprovider",
    "terminal",
    "logging",
    "warnings",
    "faulthandler",
    "debugging",
    "pastebin",
    # Python says the same on standard error, without collecting garbage twice over a heap full of EVM.
    "unraisableexception",
    "threadexception",
)


def arguments(files: list[Path], keyword: str | None) -> list[str]:
    """pytest's command line for these files."""
    words = [
        *(str(path) for path in files),
        "--config-file", os.devnull,
        "--rootdir", os.path.commonpath([path.parent for path in files]),
        "--disable-plugin-autoload",
        "--noconftest",
        "--strict-markers",
        "--import-mode=importlib",
        "--capture=no",
        "-o", "xfail_strict=true",
    ]  # fmt: skip
    for name in _OFF:
        words += ["-p", f"no:{name}"]
    return words if keyword is None else [*words, "-k", keyword]


@contextlib.contextmanager
def surroundings(files: list[Path]) -> Iterator[None]:
    """Take away the variables that steer pytest, which reads them itself, and forget the scenarios afterwards."""
    environment = os.environ  # noqa: TID251 - pytest reads these past every argument it is given
    kept = {name: environment.pop(name) for name in _ENVIRONMENT_OF_PYTEST if name in environment}
    try:
        yield
    finally:
        environment.update(kept)
        places = {str(path) for path in files}
        for name, module in list(sys.modules.items()):
            if getattr(module, "__file__", None) in places:
                del sys.modules[name]  # or the next run in this process would get this one's


def refuse_taken_names(files: list[Path]) -> None:
    """A scenario file outside a package is imported under its bare name; pytest would take another module of that name.

    Raises UsageError.
    """
    for path in files:
        loaded = sys.modules.get(path.stem)
        taken = path.stem in sys.stdlib_module_names or (
            loaded is not None and getattr(loaded, "__file__", None) != str(path)
        )
        if taken and not (path.parent / "__init__.py").exists():
            raise errors.UsageError(
                f"a scenario file cannot be called {path.name}: Python has a module of that name; rename it"
            )
