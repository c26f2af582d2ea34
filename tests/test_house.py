"""Each of the house rules can be broken; that they hold for this checkout is checked before the tests begin."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tools import tidy

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def plant(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_the_tests_begin_with_the_check_of_this_checkout_unless_some_are_named() -> None:
    inherited = ("ARGS", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS")  # of the make that runs this test
    ours = dict(os.environ)  # noqa: TID251 - for a child process
    outside = {name: value for name, value in ours.items() if name not in inherited}

    def steps(*given: str) -> str:
        words = ["make", "-n", "test", f"PYTHON={sys.executable}", *given]
        done = subprocess.run(
            words, cwd=ROOT, env=outside, capture_output=True, text=True, check=True
        )
        return done.stdout

    whole = steps()
    for step in ("ruff check .", "ruff format --check .", "bin/mypy", "lint-imports", "tidy.py"):
        assert step in whole
    assert "tidy.py" not in steps("ARGS=-k name")


def body(lines: int) -> str:
    return "def long() -> None:\n" + '    """Say."""\n' + "    pass\n" * (lines - 1)


def test_a_function_of_71_lines_is_found_and_one_of_70_is_not(tmp_path: Path) -> None:
    plant(tmp_path, "src/alys/room/a.py", body(71))
    plant(tmp_path, "src/alys/room/b.py", body(70))
    (finding,) = tidy.function_lengths(tmp_path)
    assert finding.startswith("src/alys/room/a.py::long has 71 lines")


def test_the_ratchet_excuses_up_to_its_number_and_must_be_needed(tmp_path: Path) -> None:
    plant(tmp_path, "src/alys/room/a.py", body(80))
    plant(tmp_path, "tools/tidy.toml", '[function_lines]\n"src/alys/room/a.py::long" = 80\n')
    assert list(tidy.function_lengths(tmp_path)) == []
    plant(tmp_path, "src/alys/room/a.py", body(81))
    assert len(list(tidy.function_lengths(tmp_path))) == 1
    plant(tmp_path, "src/alys/room/a.py", "")
    assert "for nothing" in next(tidy.function_lengths(tmp_path))


@pytest.mark.parametrize(
    ("room", "lines", "found"),
    [("chain", 500, 0), ("chain", 501, 1), ("shells", 300, 0), ("shells", 301, 1)],
)
def test_modules_and_shells_have_their_limits(
    tmp_path: Path, room: str, lines: int, found: int
) -> None:
    plant(tmp_path, f"src/alys/{room}/a.py", "x = 1\n" * lines)
    assert len(list(tidy.module_lengths(tmp_path))) == found


@pytest.mark.parametrize(
    ("charter", "complaint"),
    [
        (None, "missing"),
        ("", "does not say"),
        ('"""Lives here."""\nimport os\n', "holds code"),
        ('"""Lives here."""\n', None),
    ],
)
def test_a_room_needs_a_charter_without_code(
    tmp_path: Path, charter: str | None, complaint: str | None
) -> None:
    plant(tmp_path, "src/alys/room/a.py", "")
    if charter is not None:
        plant(tmp_path, "src/alys/room/__init__.py", charter)
    findings = [finding for finding in tidy.room_charters(tmp_path) if "room/" in finding]
    assert [complaint in finding for finding in findings if complaint] == [True] * bool(complaint)
    assert bool(findings) is bool(complaint)


def test_a_vague_name_is_found(tmp_path: Path) -> None:
    plant(tmp_path, "src/alys/__init__.py", '"""Top."""\n')
    plant(tmp_path, "src/alys/helpers.py", "")
    assert list(tidy.room_charters(tmp_path)) == [
        "src/alys/helpers.py has a name that says nothing"
    ]


def test_a_module_without_a_test_is_found_unless_excused(tmp_path: Path) -> None:
    plant(tmp_path, "src/alys/room/a.py", "")
    assert "tests/room/test_a.py" in next(tidy.test_mirror(tmp_path))
    plant(tmp_path, "tools/tidy.toml", '[untested]\n"room/a.py" = "data only"\n')
    assert list(tidy.test_mirror(tmp_path)) == []
    plant(tmp_path, "tools/tidy.toml", '[untested]\n"room/a.py" = "see tests/room/test_b.py"\n')
    assert "tests/room/test_b.py, which does not exist" in next(tidy.test_mirror(tmp_path))


def test_an_excuse_that_is_not_needed_is_found(tmp_path: Path) -> None:
    plant(tmp_path, "src/alys/room/a.py", "")
    plant(tmp_path, "tests/room/test_a.py", "")
    plant(tmp_path, "tools/tidy.toml", '[untested]\n"room/a.py" = "x"\n"room/gone.py" = "y"\n')
    assert len(list(tidy.test_mirror(tmp_path))) == 2


def test_a_module_that_leans_on_import_order_is_found(tmp_path: Path) -> None:
    plant(tmp_path, "src/alys/__init__.py", "")
    plant(tmp_path, "src/alys/a.py", "from alys import b\nx = b.y\n")
    plant(tmp_path, "src/alys/b.py", "from alys.a import x\ny = 1\n")
    plant(tmp_path, "src/alys/c.py", "import warnings\nwarnings.warn('old')\n")
    plant(tmp_path, "src/alys/d.py", "")
    findings = list(tidy.imports_alone(tmp_path))
    assert [finding.split()[0] for finding in findings] == ["alys.a", "alys.b", "alys.c"]


@pytest.mark.parametrize(
    ("lock", "found"),
    [
        ("a==1 \\\n    --hash=sha256:00\n", 0),
        ("a==1\n", 1),
        ("a==1 ; os_name == 'nt'\n", 1),
        ("--index-url x\na==1 \\\n    --hash=sha256:00\n", 1),
        ("a @ https" + "://example.invalid/a.whl\n", 1),
    ],
)
def test_a_lock_has_hashes_and_no_address(tmp_path: Path, lock: str, found: int) -> None:
    plant(tmp_path, "requirements/run.lock", lock)
    assert len(list(tidy.locks_without_addresses(tmp_path))) == found


@pytest.mark.parametrize(
    "text", ["/wo" + "rk/main", "/ho" + "me/me", "py" + "pi.org", "npm" + "js.com"]
)
def test_machine_paths_and_registries_are_found_in_any_text(tmp_path: Path, text: str) -> None:
    plant(tmp_path, "docs/page.md", f"fine\nsee {text}\n")
    plant(tmp_path, ".venv/ignored.txt", text)
    (finding,) = tidy.banned_text(tmp_path)
    assert finding.startswith("docs/page.md:2 ")


def test_what_git_ignores_is_not_looked_at_and_what_it_would_add_is(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    plant(tmp_path, ".gitignore", "/.cache/\n")
    for name in (".cache/a.md", "docs/new page.md", "docs/tracked.md"):
        plant(tmp_path, name, "see /wo" + "rk/main\n")
    subprocess.run(["git", "-C", str(tmp_path), "add", "docs/tracked.md"], check=True)
    found = [finding.partition(":")[0] for finding in tidy.banned_text(tmp_path)]
    assert found == ["docs/new page.md", "docs/tracked.md"]


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("time.sleep(1)", 1),
        ("asyncio.sleep(0.1)", 1),
        ("asyncio.sleep(0)", 0),
        ("world.sleep(3)", 0),
    ],
)
def test_a_fixed_sleep_in_a_test_is_found(tmp_path: Path, call: str, found: int) -> None:
    plant(tmp_path, "tests/room/test_a.py", f"{call}\n")
    assert len(list(tidy.no_sleeping(tmp_path))) == found


def test_the_command_ends_red_on_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: Path) -> list[str]:
        return ["a thing"]

    monkeypatch.setattr(tidy, "RULES", (broken,))
    assert tidy.main() == 1
    assert capsys.readouterr().out == "broken: a thing\n"


def test_every_dependency_is_in_the_lock_that_a_run_installs() -> None:
    locked = (ROOT / "requirements" / "run.lock").read_text(encoding="utf-8")
    names = [re.split(r"[\[<>= ]", item)[0] for item in CONTRACTS["project"]["dependencies"]]
    assert [name for name in names if not re.search(rf"^{name}==", locked, re.M)] == []


def test_the_larger_lock_repeats_every_pin_of_the_smaller_one() -> None:
    pins = {
        name: set(
            re.findall(r"^[\w.\[\]-]+==\S+", (ROOT / "requirements" / name).read_text(), re.M)
        )
        for name in ("run.lock", "dev.lock", "bench.lock")
    }
    assert pins["run.lock"]
    assert pins["run.lock"] - pins["dev.lock"] == set()
    assert pins["dev.lock"] - pins["bench.lock"] == set()


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md"])
def test_every_make_target_a_page_names_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"`?make ([a-z]+)`", (ROOT / page).read_text(encoding="utf-8")))
    assert named <= targets


def test_architecture_lists_the_rooms_in_the_order_of_the_contract() -> None:
    layers = CONTRACTS["tool"]["importlinter"]["contracts"][0]["layers"]
    rooms = [room for layer in layers for room in re.findall(r"\w+", layer) if room != "__main__"]
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)`", page, re.M) == rooms


def test_the_continuous_integration_script_is_valid_and_runnable() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(script)], check=True)


SKIPPING = """
import pytest
def test_needs_a_tool() -> None:
    pytest.skip("node: not on the path")
def test_runs() -> None:
    pass
"""


@pytest.mark.parametrize(
    ("required", "code", "line"),
    [
        ("", 0, "skipped        test_it.py::test_needs_a_tool: node: not on the path"),
        ("chromium", 0, "1 passed, 1 skipped"),
        ("chromium,node", 1, "ALYS_REQUIRE lists node, so this may not be skipped"),
    ],
)
def test_a_skip_is_listed_and_is_a_failure_where_its_tool_is_required(
    tmp_path: Path, required: str, code: int, line: str
) -> None:
    plant(tmp_path, "conftest.py", (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    plant(tmp_path, "test_it.py", SKIPPING)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            ".",
            "-c",
            "/dev/null",
        ],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "ALYS_REQUIRE": required, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert line in done.stdout
