"""Write docs/reference/actor-promises.md: every promise of the actor runtime, and the tests that hold it to it.

Usage: `python tools/promises.py [--check]`. The page is made from the tests themselves: a test whose name begins with
`test_NN_` stands for check NN, and its docstring (or, where it has none, its name) says what is promised. `--check`
writes nothing and exits with 1 when the page is not what it would be.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "actor-promises.md"
FOLDERS = ("tests/actors/conformance", "tests/mutants")
CHECKS = 70

HEAD = """# What the actor runtime promises

The promises are those of OTP and Pekko, numbered here from 1 to 70; where the two differ, [the reference page](actors.md)
says which one holds. Each is a test, or several. This page is made from the tests by `tools/promises.py`, and a test
compares the two.

| check | promise | tests |
|---|---|---|
"""


class Test(NamedTuple):
    """One test that stands for a check."""

    number: int
    name: str
    promise: str
    file: str


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is as it should be."""
    page = render(list(found()))
    if "--check" not in arguments:
        PAGE.write_text(page, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page:
        return 0
    print(f"{PAGE.relative_to(ROOT)} is not what the tests say; run python tools/promises.py")
    return 1


def found() -> Iterator[Test]:
    """All numbered tests, in the order of files and lines."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).glob("test_*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                match = re.match(r"test_(\d\d)_(\w+)", node.name)
                if match:
                    said = ast.get_docstring(node) or match.group(2).replace("_", " ")
                    yield Test(
                        int(match.group(1)), node.name, _sentence(said), f"{folder}/{path.name}"
                    )


def missing(tests: list[Test]) -> list[int]:
    """Checks without a test."""
    return sorted(set(range(1, CHECKS + 1)) - {test.number for test in tests})


def render(tests: list[Test]) -> str:
    """The page."""
    rows = []
    for number in range(1, CHECKS + 1):
        held = sorted((test for test in tests if test.number == number), key=lambda test: test.file)
        promises = " ".join(dict.fromkeys(test.promise for test in held)) or "no test"
        where = "<br>".join(f"`{test.file.removeprefix('tests/')}::{test.name}`" for test in held)
        rows.append(f"| {number} | {promises} | {where} |")
    return HEAD + "\n".join(rows) + "\n"


def _sentence(text: str) -> str:
    """The first paragraph, on one line, as a sentence that a table can hold."""
    first = " ".join(text.split("\n\n")[0].split()).replace("|", "\\|")
    return first if first.endswith((".", "!", "?")) else first + "."


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
