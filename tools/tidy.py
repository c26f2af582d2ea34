"""The house rules that no other linter knows, each a function from a checkout to its findings.

Run by `make check` and, rule by rule, by tests/test_house.py. Exceptions stand in tools/tidy.toml with
their reason; an exception that is no longer needed is itself a finding, so the list only shrinks.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FUNCTION_LINES_MAX = 70  # one screen; the docstring does not count
MODULE_LINES_MAX = 500
SHELL_LINES_MAX = 300  # a shell that grows has begun to decide things
VAGUE_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "misc"})
SKIPPED_FOLDERS = frozenset(
    {".venv", "results", "build", "dist", "node_modules", "__pycache__", ".hypothesis"}
    | {".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache"}
)
TEXT_BYTES_MAX = 2_000_000

# Written so that no pattern matches its own line. A reader elsewhere has neither the folders of the
# machine this was written on nor its mirrors, and a lock must not choose the index for its user.
BANNED_TEXT = (
    (
        re.compile(r"/wor[k]/|/opt/pyp[i]|/opt/whee[l]s|/h8clon[e]|\.\./share[d]\b"),
        "a path of one machine",
    ),
    (re.compile(r"/hom[e]/\w|/roo[t]/"), "a home folder"),
    (
        re.compile(
            r"pyp[i]\.\w|pythonhoste[d]|npmj[s]\.|yarnpk[g]\.|crate[s]\.io|proxy\.golan[g]|anacond[a]\."
        ),
        "the address of a package registry",
    ),
)

Rule = Callable[[Path], Iterator[str]]


def main() -> int:
    """Print every finding; 1 when there is one."""
    findings = [f"{rule.__name__}: {finding}" for rule in RULES for finding in rule(ROOT)]
    print("\n".join(findings) or f"tidy: {len(RULES)} rules kept")
    return 1 if findings else 0


def function_lengths(root: Path) -> Iterator[str]:
    """No function above 70 lines without its docstring; the ratchet lists old sinners with their length."""
    ratchet: dict[str, int] = exceptions(root, "function_lines")
    for path in sources(root, "src", "tests", "tools", "benchmarks"):
        for node in ast.walk(parse(path)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            place, lines = f"{name_of(root, path)}::{node.name}", code_lines(node)
            if lines > ratchet.pop(place, FUNCTION_LINES_MAX):
                yield f"{place} has {lines} lines, at most {FUNCTION_LINES_MAX}"
    yield from (f"{place} is on the ratchet for nothing" for place in ratchet)


def module_lengths(root: Path) -> Iterator[str]:
    """No module above 500 lines, no shell above 300."""
    for path in sources(root, "src", "tests", "tools", "benchmarks"):
        place = name_of(root, path)
        most = SHELL_LINES_MAX if place.startswith("src/alys/shells/") else MODULE_LINES_MAX
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > most:
            yield f"{place} has {lines} lines, at most {most}"


def room_charters(root: Path) -> Iterator[str]:
    """Every package opens with a charter, a docstring without code; no room has a vague name."""
    for folder in sorted({path.parent for path in sources(root, "src")}):
        charter = folder / "__init__.py"
        place = name_of(root, charter)
        if not charter.exists():
            yield f"{place} is missing"
        elif not ast.get_docstring(parse(charter)):
            yield f"{place} does not say what lives here"
        elif folder != root / "src" / "alys" and len(parse(charter).body) > 1:
            yield f"{place} holds code"
    for path in sources(root, "src"):
        if VAGUE_NAMES & {path.stem, path.parent.name}:
            yield f"{name_of(root, path)} has a name that says nothing"


def test_mirror(root: Path) -> Iterator[str]:
    """src/alys/<room>/<module>.py is tested by tests/<room>/test_<module>.py, or listed with a reason."""
    listed: dict[str, str] = exceptions(root, "untested")
    for path in sources(root, "src"):
        module = path.relative_to(root / "src" / "alys")
        if path.name == "__init__.py":
            continue
        test = root / "tests" / module.parent / f"test_{module.stem.strip('_')}.py"
        reason = listed.pop(module.as_posix(), None)
        if not test.exists() and not reason:
            yield f"{name_of(root, path)} has no {name_of(root, test)} and no reason in tools/tidy.toml"
        if test.exists() and reason:
            yield f"{module.as_posix()} is excused in tools/tidy.toml although it has a test"
        for named in re.findall(r"tests/\S+\.py", reason or ""):
            if not (root / named).exists():
                yield f"{module.as_posix()} is excused by {named}, which does not exist"
    yield from (f"{module} is excused in tools/tidy.toml but does not exist" for module in listed)


def imports_alone(root: Path) -> Iterator[str]:
    """Every module can be the first one imported, with warnings as errors (no hidden import order)."""
    paths = [path for path in sources(root, "src") if path.name != "__main__.py"]
    ours = [module_name(root, path) for path in paths]
    theirs = sorted({name for path in paths for name in imported(path)} - {"__future__"})
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EACH_ALONE, str(root / "src"), *theirs, "--", *ours],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    yield from sorted(done.stdout.splitlines())
    if done.returncode != 0:
        yield f"the importer itself failed: {done.stderr[-500:]}"


# Other people's libraries are loaded once; each of our modules then gets a fork in which none of ours is
# loaded yet. A process for each would take a minute, this takes seconds.
IMPORT_EACH_ALONE = """
import gc, importlib, os, sys, warnings
source, *names = sys.argv[1:]
theirs, ours = names[:names.index("--")], names[names.index("--") + 1:]
sys.path.insert(0, source)
warnings.simplefilter("ignore")
for name in theirs:
    try:
        importlib.import_module(name)
    except ImportError:
        pass  # a name in a module, or not installed: then our module says so below
gc.freeze()

def import_alone(name):
    warnings.simplefilter("error")
    try:
        importlib.import_module(name)
    except BaseException as error:
        said = f"{name} cannot be imported alone: {type(error).__name__}: {error}"
        os.write(1, (said.replace("\\n", " ") + "\\n").encode())  # in one piece: others write too
    os._exit(0)

at_once = os.cpu_count() or 1
for first in range(0, len(ours), at_once):
    children = []
    for name in ours[first:first + at_once]:
        child = os.fork()
        if child == 0:
            import_alone(name)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
"""


def locks_without_addresses(root: Path) -> Iterator[str]:
    """Every lock pins with hashes and leaves the choice of an index to the user."""
    for path in sorted((root / "requirements").glob("*.lock")):
        text = path.read_text(encoding="utf-8")
        if "://" in text or re.search(
            r"^\s*(--index|--extra-index|--find-links|-[if]\s)", text, re.M
        ):
            yield f"{name_of(root, path)} names an index"
        unhashed = re.findall(r"^([\w.\[\]-]+==\S+)(?![^\n]*\\\n\s+--hash=)", text, re.M)
        yield from (f"{name_of(root, path)}: {pin} has no hash" for pin in unhashed)


def banned_text(root: Path) -> Iterator[str]:
    """Nothing in the checkout names the machine it was written on or a package registry."""
    for path in text_files(root):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for pattern, meaning in BANNED_TEXT:
                if pattern.search(line):
                    yield f"{name_of(root, path)}:{number} holds {meaning}"


def no_sleeping(root: Path) -> Iterator[str]:
    """No test and no scenario waits for a fixed time; a bare yield to the loop, sleep(0), is none."""
    for path in sources(root, "tests", "src/alys/suites"):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "sleep":
                module = ast.unparse(node.func).rpartition(".")[0]
                zero = [ast.unparse(argument) for argument in node.args] == ["0"]
                if module in ("", "time", "asyncio") and not zero:
                    yield f"{name_of(root, path)}:{node.lineno} sleeps; wait for the event or use virtual time"


RULES: tuple[Rule, ...] = (
    function_lengths,
    module_lengths,
    room_charters,
    test_mirror,
    imports_alone,
    locks_without_addresses,
    banned_text,
    no_sleeping,
)


def sources(root: Path, *folders: str) -> Iterator[Path]:
    """Python files of the folders that people write, in order."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            if path.parent.name != "generated" or path.name == "__init__.py":
                yield path


def text_files(root: Path) -> Iterator[Path]:
    """Files of the checkout that are text and that people read."""
    for path in checkout_files(root):
        small = path.is_file() and path.stat().st_size < TEXT_BYTES_MAX
        if small and b"\0" not in path.read_bytes():
            yield path


def checkout_files(root: Path) -> list[Path]:
    """What git tracks or would track; every file where the folder is no checkout (an unpacked archive)."""
    if not (root / ".git").exists():
        names = (path.relative_to(root) for path in root.rglob("*"))
        return sorted(root / name for name in names if not SKIPPED_FOLDERS & {*name.parts})
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(root / name for name in listed.stdout.split("\0") if name)


def exceptions(root: Path, table: str) -> dict[str, Any]:
    """A table of tools/tidy.toml; empty where the checkout has no such file."""
    path = root / "tools" / "tidy.toml"
    return (
        dict(tomllib.loads(path.read_text(encoding="utf-8")).get(table, {}))
        if path.exists()
        else {}
    )


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function, less its docstring."""
    first = node.body[0]
    docstring = ast.get_docstring(node) is not None
    said = (first.end_lineno or 0) - first.lineno + 1 if docstring else 0
    return (node.end_lineno or 0) - node.lineno + 1 - said


def parse(path: Path) -> ast.Module:
    """Syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def name_of(root: Path, path: Path) -> str:
    """A path as a reader of the checkout knows it."""
    return path.relative_to(root).as_posix()


def imported(path: Path) -> Iterator[str]:
    """Modules outside the package that a file imports anywhere, by dotted name."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if name.partition(".")[0] != "alys")


def module_name(root: Path, path: Path) -> str:
    """Dotted name of a module under src."""
    parts = path.relative_to(root / "src").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


if __name__ == "__main__":
    sys.exit(main())
