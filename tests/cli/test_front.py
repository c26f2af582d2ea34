"""The front door: words in, one clear line and an exit code out."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import alys
from alys.base import errors
from alys.cli import front as cli
from alys.config import loader
from alys.models.ethereum.execution import genesis_block
from alys.models.ethereum.genesis import dev_genesis, read_genesis
from alys.worlds import registry
from tests.runner import runs, tiny_world


class Front:
    """Runs the command in this process, in the tiny world."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capture = capture
        self.out = ""
        self.err = ""

    def __call__(self, *words: str, **environment: str) -> int:
        """The exit code; what was printed is in ``out`` and ``err``."""
        code = cli.main(list(words), environment=environment)
        self.out, self.err = self._capture.readouterr()
        return code

    def test(self, source: str, *words: str, **environment: str) -> int:
        """``alys test`` with a scenario file of this text."""
        path = runs.scenario_file(self.folder, source)
        return self(
            "test", str(path), "--results-dir", str(self.folder / "results"), *words, **environment
        )

    @property
    def told(self) -> Any:
        """The one object on standard output."""
        return json.loads(self.out)


@pytest.fixture
def alys_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Front:
    tiny_world.fresh()
    for kind in list(registry.MODULES):
        monkeypatch.setitem(registry.MODULES, kind, "tests.runner.tiny_world")
    monkeypatch.chdir(tmp_path)
    return Front(tmp_path, capsys)


def test_version(alys_command: Front) -> None:
    assert alys_command("version") == 0
    assert alys_command.out == f"alys {alys.__version__}\n"


def test_a_pass_tells_the_verdict_and_the_report_on_its_last_line(alys_command: Front) -> None:
    assert alys_command.test(runs.PASSING, "--seed", "7", "--world", "sim") == 0
    last = alys_command.out.splitlines()[-1]
    assert re.fullmatch(
        r"PASS  scenario in world sim, seed 7: 1 passed, 1 sample, .* simulated seconds; "
        r"report: .*/results/\S+-scenario-\w+/report\.html",
        last,
    )
    assert Path(last.rpartition("report: ")[2]).is_file()
    assert alys_command.err.splitlines()[0] == "alys: scenario in world sim, seed 7"
    assert alys_command.err.splitlines()[1].startswith("PASS  passing  1 sample, ")


def test_a_failure_names_its_cause_and_how_to_repeat_it(alys_command: Front) -> None:
    source = "async def test_mint(world): world.check(False, 'minted once', times=2)"
    assert alys_command.test(source, "--seed", "7") == 1
    assert "cause:  mint: minted once (times=2) (scenario.py:1)" in alys_command.out
    assert re.search(r"^replay: alys test \S+ --world local --seed 7 ", alys_command.out, re.M)
    assert "FAIL  mint" in alys_command.err


def test_what_kind_of_red_it_is_is_said_on_demand(alys_command: Front) -> None:
    source = "async def test_mint(world): world.check(world.seed != 7, 'minted once')"
    words = ("--seed", "7", "--world", "sim", "--flake-check", "--times", "2")
    assert alys_command.test(source, *words) == 1
    assert "flake:  mint: schedule-dependent: red again on its seed (2 of 2)" in alys_command.out
    assert "FAIL  mint again, world sim, seed 7" in alys_command.err
    assert "PASS  mint again, world sim, seed 9" in alys_command.err
    assert alys_command.test(source, "--seed", "7", "--world", "sim") == 1
    assert "flake" not in alys_command.out


def test_json_is_one_object_on_standard_output_and_progress_goes_elsewhere(
    alys_command: Front,
) -> None:
    source = "print('noise')\n" + runs.PASSING.replace("\n    ", "\n")
    assert alys_command.test(source, "-o", "json", "--world", "sim", "--seed", "9") == 0
    told = alys_command.told
    assert (told["verdict"], told["exit_code"], told["cause"], told["causes"]) == (
        "pass",
        0,
        "",
        [],
    )
    assert told["counts"]["passed"] == told["counts"]["samples"] == 1
    assert (told["seed"], len(told["trace_hash"])) == (9, 64)
    assert told["duration_s"] > 0
    assert (Path(told["results_dir"]) / "report.json").read_text() == alys_command.out
    assert "PASS  passing" in alys_command.err
    assert "noise" in alys_command.err


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["test", "integratoin"], 2, "no suite 'integratoin'"),
        (["test", "gone.py"], 2, "no scenario file gone.py"),
        (["test"], 2, "the following arguments are required: SUITE"),
        (["tset"], 2, "invalid choice: 'tset'"),
        (["test", "x", "--sede", "1"], 2, "unrecognized arguments: --sede 1"),
        (["test", "x", "--seed", "seven"], 2, "flag --seed: world.seed = 'seven' cannot stand"),
        (["test", "x", "--seed", "-1"], 2, "flag --seed: world.seed = '-1' cannot stand"),
        (["test", "x", "--seed"], 2, "argument --seed: expected one argument"),
        (["test", "x", "--world", "smi"], 2, "did you mean 'sim'?"),
        (["test", "x", "--time-scale", "0"], 2, "allowed: a number from 0.1"),
        (["test", "x", "--times", "3"], 2, "--times goes with --flake-check"),
        (["test", "x", "--flake-check", "--times", "0"], 2, "--times 0: a number of seeds, 1 to"),
        (["test", "x", "-o", "xml"], 2, "flag -o: test_environment.report_format = 'xml'"),
        (
            ["test", "x", "--config", "gone.toml"],
            2,
            "gone.toml: cannot read the configuration file",
        ),
        (
            ["test", "x", "--config", "wrong.toml"],
            2,
            "wrong.toml:2: unknown key 'world.sed'; did you mean",
        ),
    ],
)
def test_a_mistake_is_one_clear_line_and_nothing_is_started(
    alys_command: Front, words: list[str], code: int, line: str
) -> None:
    Path("wrong.toml").write_text("[world]\nsed = 1\n")
    assert alys_command(*words) == code
    assert alys_command.out == ""
    assert alys_command.err.startswith("alys: ")
    assert alys_command.err.count("\n") == 1
    assert line in alys_command.err
    assert tiny_world.LOG.events == []
    assert not Path("results").exists()


def test_a_mistake_in_json_is_still_one_object(alys_command: Front) -> None:
    assert alys_command("test", "nosuch", "-o", "json") == 2
    told = alys_command.told
    assert (told["verdict"], told["exit_code"]) == ("usage", 2)
    assert told["causes"] == [told["cause"]]
    assert {"counts", "seed", "trace_hash", "duration_s", "results_dir"} <= set(told)


def test_no_command_shows_the_help(alys_command: Front) -> None:
    assert alys_command() == 2
    assert "test" in alys_command.err


@pytest.mark.parametrize(("keyword", "code"), [("passing", 0), ("nosuch", 4), ("and", 2)])
def test_a_choice_by_keyword(alys_command: Front, keyword: str, code: int) -> None:
    assert alys_command.test(runs.PASSING, "-k", keyword) == code


def test_a_port_in_use_is_the_environments_fault(alys_command: Front) -> None:
    tiny_world.LOG.refuse_to_open = errors.EnvironmentFailure("port 18332 on 127.0.0.1 is in use")
    assert alys_command.test(runs.PASSING) == 3
    assert "cause:  passing: port 18332 on 127.0.0.1 is in use" in alys_command.out


def test_results_that_cannot_be_written_are_the_environments_fault(alys_command: Front) -> None:
    Path("results").write_text("in the way")
    assert alys_command.test(runs.PASSING) == 3
    assert re.fullmatch(r"alys: cannot make the results folder .*\n", alys_command.err)


def test_ctrl_c_in_the_middle_is_130_and_one_line(alys_command: Front) -> None:
    tiny_world.LOG.interrupt_at_turn = 2
    assert alys_command.test(runs.PASSING) == 130
    assert alys_command.out == ""
    last = alys_command.err.splitlines()[-1]
    assert last.startswith("alys: interrupted after 0 of 1 scenarios; what there is of it: ")
    assert (Path(last.rpartition(": ")[2]) / "report.html").is_file()
    assert "close passing" in tiny_world.LOG.events


def test_ctrl_c_in_json_still_prints_the_object(alys_command: Front) -> None:
    tiny_world.LOG.interrupt_at_turn = 2
    assert alys_command.test(runs.PASSING, "-o", "json") == 130
    assert alys_command.told["verdict"] == "interrupted"


def test_a_termination_signal_is_an_interruption(alys_command: Front) -> None:
    source = """
        import os, signal
        async def test_killed(world):
            world.check(True, "x")
            os.kill(os.getpid(), signal.SIGTERM)
            while True:
                await world.turn()
    """
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert alys_command.test(source) == 130
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
    assert "close killed" in tiny_world.LOG.events


def test_a_seed_that_is_not_given_is_chosen_anew_and_printed(alys_command: Front) -> None:
    seeds = set()
    for _ in range(3):
        alys_command.test(runs.PASSING, "-o", "json")
        seeds.add(alys_command.told["seed"])
        assert f"seed {alys_command.told['seed']}\n" in alys_command.err
        assert f"--seed {alys_command.told['seed']}" in alys_command.told["replay"]
    assert len(seeds) > 1


def test_flags_win_over_environment_over_file(alys_command: Front) -> None:
    Path("alys.toml").write_text("[world]\nseed = 3\nkind = 'sim'\n")
    seen = []
    for words, environment in (
        (["--config", "alys.toml"], {}),
        (["--config", "alys.toml"], {"ALYS_SEED": "4"}),
        (["--config", "alys.toml", "--seed", "5"], {"ALYS_SEED": "4"}),
    ):
        alys_command.test(runs.PASSING, "-o", "json", *words, **environment)
        seen.append((alys_command.told["seed"], alys_command.told["world"]))
    assert seen == [(3, "sim"), (4, "sim"), (5, "sim")]


def test_the_replay_line_repeats_the_run(alys_command: Front) -> None:
    Path("alys.toml").write_text("[node]\nrequired_confirmations = 2\n")
    alys_command.test(runs.PASSING, "-o", "json", "--world", "sim", "--config", "alys.toml")
    first = alys_command.told
    again = first["replay"].split()[1:]
    assert alys_command(*again, "--results-dir", "again", "-o", "json") == 0
    assert alys_command.told["trace_hash"] == first["trace_hash"]
    resolved = loader.load(Path(alys_command.told["results_dir"]) / "config.resolved.toml", {}, {})
    assert resolved.node.required_confirmations == 2


def test_a_file_is_checked_without_running_anything(alys_command: Front) -> None:
    Path("wrong.toml").write_text("[world]\nsed = 1\nkind = 'smi'\n")
    Path("right.toml").write_text("[world]\nseed = 1\n")
    assert alys_command("config", "check", "right.toml") == 0
    assert alys_command.out == "right.toml: 1 settings, none of them wrong\n"
    assert alys_command("config", "check", "wrong.toml", "right.toml", "gone.toml") == 2
    lines = alys_command.err.splitlines()
    assert [line.partition(": ")[2].partition(": ")[0] for line in lines] == [
        "wrong.toml:2",
        "wrong.toml:3",
        "gone.toml",
    ]
    assert tiny_world.LOG.events == []


def test_the_settings_are_shown_with_their_origins(alys_command: Front) -> None:
    Path("a.toml").write_text("[world]\nkind = 'sim'\n")
    key = "ab" * 32
    environment = {"RUST_LOG": "debug", "TEST_BITCOIN_PRIVATE_KEY": key}
    assert alys_command("config", "show", "--config", "a.toml", **environment) == 0
    lines = alys_command.out.splitlines()
    assert 'kind = "sim"  # a.toml:2' in lines
    assert 'log_level = "debug"  # environment variable RUST_LOG' in lines
    assert "timeout_seconds = 300  # default" in lines
    assert key not in alys_command.out
    Path("shown.toml").write_text(alys_command.out)
    assert alys_command("config", "check", "shown.toml") == 0


def test_a_run_leaves_no_key_and_no_password_anywhere(alys_command: Front) -> None:
    key = "c0ffee" + "ab" * 29
    environment = {
        "TEST_BITCOIN_PRIVATE_KEY": key,
        "TEST_ETHEREUM_PRIVATE_KEY": f"0x{key}",
        "BITCOIN_RPC_URL": "http://alice:hush@bitcoin:18332",
        "ETHEREUM_RPC_URL": "http://ethereum:8545",
        "ENGINE_API_URL": "http://ethereum:8551",
        "GOVERNANCE_ENDPOINTS": "- http://a:50051",
        "ENGINE_JWT_SECRET": "c0ffee" + "5e" * 29,
        "GOVERNANCE_TOKEN": "hush-governance",
        "ADMIN_TOKEN": "hush-admin",
        "RUST_LOG": "trace",
    }
    alys_command.test(runs.PASSING, "--world", "remote", **environment)
    written = [path for path in Path("results").rglob("*") if path.is_file()]
    assert written
    texts = [path.read_text() for path in written] + [alys_command.out, alys_command.err]
    assert not [text for text in texts if "c0ffee" in text.lower() or "hush" in text]


def test_config_without_an_action_shows_the_help(alys_command: Front) -> None:
    assert alys_command("config") == 2


def test_config_genesis_prints_the_block_0_that_the_execution_client_begins_with(
    alys_command: Front,
) -> None:
    assert alys_command("config", "genesis", "--timestamp", "1767225600") == 0
    read = read_genesis(json.loads(alys_command.out))
    assert genesis_block(read).hash == genesis_block(dev_genesis(1767225600)).hash


@pytest.mark.parametrize("second", ["soon", "-1", "18446744073709551616"])
def test_config_genesis_wants_a_second(alys_command: Front, second: str) -> None:
    assert alys_command("config", "genesis", f"--timestamp={second}") == 2
    assert second in alys_command.err
    assert not alys_command.out


def test_progress_is_a_record_where_logs_are_json(alys_command: Front) -> None:
    assert alys_command.test(runs.PASSING, "--world", "sim", ALYS_LOG_FORMAT="json") == 0
    records = [json.loads(line) for line in alys_command.err.splitlines()]
    assert [record["target"] for record in records] == ["alys.run", "alys.run"]
    assert records[1]["fields"] == {"scenario": "passing", "outcome": "passed"}


def child(*words: str, **options: Any) -> "subprocess.Popen[str]":
    """The command in a process of its own, from this checkout, in the tiny world."""
    program = (
        "import sys; from alys.worlds import registry; from alys.cli import front as cli;"
        "registry.MODULES.update(local='tests.runner.tiny_world', sim='tests.runner.tiny_world');"
        "sys.exit(cli.main())"
    )
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}  # noqa: TID251
    return subprocess.Popen(
        [sys.executable, "-c", program, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_a_reader_that_goes_away_changes_nothing(tmp_path: Path) -> None:
    path = runs.scenario_file(tmp_path, runs.PASSING)
    process = child("test", str(path), "-o", "json", cwd=tmp_path)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 0
    assert "BrokenPipe" not in said


def test_a_real_ctrl_c_ends_the_process_with_130_and_a_report(tmp_path: Path) -> None:
    source = """
        import signal, sys
        async def test_endless(world):
            world.check(True, "x")
            print("under way", file=sys.stderr, flush=True)
            signal.pause()
    """
    path = runs.scenario_file(tmp_path, source)
    process = child("test", str(path), cwd=tmp_path)
    assert process.stderr is not None
    for line in process.stderr:
        if line == "under way\n":
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert re.fullmatch(r"alys: interrupted after 0 of 1 scenarios; .*\n", err)
    assert (tmp_path / "results" / "latest" / "report.json").is_file()


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    """By the list of loaded modules, for a plain command and for a typing error."""
    program = (
        "import sys; from alys.cli import front as cli; cli.main(['version']); cli.main(['test', 'x', '--seed', 'x']);"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "alys" in loaded
    heavy = {
        "pytest",
        "_pytest",
        "asyncio",
        "aiohttp",
        "grpc",
        "ethereum",
        "btclib",
        "blspy",
        "lmdb",
    }
    assert not heavy & loaded


LOGGING = """
    import logging
    async def test_says(world):
        logging.getLogger("alys.scenario").warning("a word", extra={"by": "me"})
        world.check(True, "x")
"""


@pytest.mark.parametrize(("form", "line"), [("text", " by=me"), ("json", '"by":"me"')])
def test_the_log_of_a_run_is_among_its_results(alys_command: Front, form: str, line: str) -> None:
    assert alys_command.test(LOGGING, ALYS_LOG_FORMAT=form) == 0
    assert line in Path("results/latest/run.log").read_text()
    assert line in alys_command.err
    Path("quiet.toml").write_text("[monitoring]\nlog_collection = false\n")
    assert alys_command.test(LOGGING, "--config", "quiet.toml", ALYS_LOG_FORMAT=form) == 0
    assert not Path("results/latest/run.log").exists()
