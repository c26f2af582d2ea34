"""Run pytest over a runtime in which one place is broken: ``python tests/mutants/runner.py NAME [pytest arguments]``.

The broken module is compiled from its own source with one text replaced, in memory: nothing on disk changes.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType

import pytest
from typing_extensions import override

ROOT = Path(__file__).resolve().parents[2]


class Broken(importlib.machinery.SourceFileLoader):
    """Loads one module with a text replaced; raises ValueError unless the text stands there exactly once."""

    def __init__(self, name: str, path: str, old: str, new: str) -> None:
        super().__init__(name, path)
        self._old = old
        self._new = new

    @override
    def get_code(self, fullname: str) -> CodeType:
        """Compile the broken source; no cache is read or written."""
        path = self.get_filename(fullname)
        source = self.get_data(path).decode()
        if source.count(self._old) != 1:
            raise ValueError(f"{path} holds {source.count(self._old)} times:\n{self._old}")
        code: CodeType = compile(source.replace(self._old, self._new), path, "exec")
        return code


class Finder(importlib.abc.MetaPathFinder):
    """Answers for one module, before everybody else."""

    def __init__(self, module: str, old: str, new: str) -> None:
        self._module = module
        self._texts = (old, new)

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The broken module, or nothing."""
        if fullname != self._module:
            return None
        file = str(ROOT / "src" / (fullname.replace(".", "/") + ".py"))
        return importlib.util.spec_from_file_location(
            fullname, file, loader=Broken(fullname, file, *self._texts)
        )


def main(arguments: list[str]) -> int:
    """Break what the first argument names ("none" breaks nothing), then run pytest with the others."""
    sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
    from tests.mutants.catalogue import MUTANTS

    name, *rest = arguments
    if name != "none":
        mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
        sys.meta_path.insert(0, Finder(mutant.module, mutant.old, mutant.new))
    return int(pytest.main(rest))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
