"""One run from request to record, in the tiny world."""

import functools
import hashlib
import json
import shlex
import signal
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from alys.base import errors
from alys.config import loader
from alys.config import settings as settings_module
from alys.report import record
from tests.runner import runs, tiny_world


@pytest.fixture(autouse=True)
def _fresh() -> None:
    tiny_world.fresh()


def test_a_scenario_that_holds_is_a_pass(tmp_path: Path) -> None:
    done = runs.run_source(tmp_path, runs.PASSING)
    assert (done.verdict, done.exit_code, done.cause, done.causes) == ("pass", 0, "", ())
    assert done.counts.passed == done.counts.collected == done.counts.samples == 1
    assert done.cases[0].node_time_s == 1.0
    assert tiny_world.LOG.events == [
        "open passing",
        "close passing",
        "told passing",
        "driver closed",
        "driver closed",
    ]


def test_a_check_that_does_not_hold_is_a_failure_with_its_cause_place_and_figures(
    tmp_path: Path,
) -> None:
    source = """
        async def test_peg_in(world):
            world.check(True, "fine")
            world.check(1 + 1 == 3, "minted what was paid", minted=2, paid=3)
    """
    done = runs.run_source(tmp_path, source)
    assert (done.verdict, done.exit_code) == ("fail", 1)
    assert done.cause == "peg_in: minted what was paid (minted=2, paid=3) (scenario.py:4)"
    assert done.cases[0].samples == 2
    assert done.cases[0].facts == {"failed check": {"minted": 2, "paid": 3}}
    assert "minted what was paid" in done.cases[0].detail


def test_every_failed_scenario_is_a_cause(tmp_path: Path) -> None:
    source = """
        async def test_one(world):
            assert 1 == 2
        async def test_two(world):
            raise ValueError("no good")
    """
    done = runs.run_source(tmp_path, source)
    assert done.cause == "one: assert 1 == 2 (scenario.py:3) (and 1 more)"
    assert done.causes[1] == "two: ValueError: no good (scenario.py:5)"


def test_no_sample_is_inconclusive(tmp_path: Path) -> None:
    done = runs.run_source(tmp_path, "async def test_idle(world): await world.turn()")
    assert (done.verdict, done.exit_code) == ("inconclusive", 4)
    assert "no samples" in done.cause


def test_inconclusive_said_by_the_scenario_itself(tmp_path: Path) -> None:
    source = """
        from alys.base import errors
        async def test_fault(world):
            world.check(True, "x")
            raise errors.Inconclusive("the fault touched nothing")
    """
    done = runs.run_source(tmp_path, source)
    assert (done.exit_code, done.cases[0].outcome) == (4, record.Outcome.INCONCLUSIVE)
    assert "the fault touched nothing" in done.cause


@pytest.mark.parametrize(
    ("source", "keyword", "words"),
    [
        (runs.PASSING, "nosuch", "-k 'nosuch' matches none of: passing"),
        ("x = 1", None, "no `async def test_*(world)` in scenario.py"),
        ("async def tset_typo(world): pass", None, "no `async def test_*(world)`"),
    ],
)
def test_nothing_collected_is_inconclusive(
    tmp_path: Path, source: str, keyword: str | None, words: str
) -> None:
    done = runs.run_source(tmp_path, source, keyword=keyword)
    assert (done.verdict, done.exit_code, done.cases) == ("inconclusive", 4, ())
    assert words in done.cause


def test_a_broken_keyword_expression_is_a_usage_error(tmp_path: Path) -> None:
    done = runs.run_source(tmp_path, runs.PASSING, keyword="a and")
    assert (done.verdict, done.exit_code) == ("usage", 2)
    assert "a and" in done.cause


def test_an_environment_failure_on_opening_names_itself_and_still_closes(tmp_path: Path) -> None:
    tiny_world.LOG.refuse_to_open = errors.EnvironmentFailure("port 8545 on 127.0.0.1 is in use")
    done = runs.run(runs.request(tmp_path, runs.PASSING))
    assert (done.verdict, done.exit_code) == ("environment", 3)
    assert done.cause == "passing: port 8545 on 127.0.0.1 is in use"
    assert "close passing" in tiny_world.LOG.events


@pytest.mark.parametrize(
    ("error", "exit_code", "cause"),
    [
        (errors.EnvironmentFailure("no loop"), 3, "no loop"),
        (errors.UsageError("no such node"), 2, "no such node"),
        (errors.AlysBug("lost a key"), 1, "lost a key"),
        (RuntimeError("odd"), 1, "cannot open the world: RuntimeError: odd"),
    ],
)
def test_a_driver_that_cannot_be_made_still_leaves_a_report(
    tmp_path: Path, error: Exception, exit_code: int, cause: str
) -> None:
    tiny_world.LOG.refuse_a_driver = error
    done = runs.run(runs.request(tmp_path, runs.PASSING))
    assert (done.exit_code, done.cause) == (exit_code, cause)
    assert runs.report_of(done) == done


@pytest.mark.parametrize("world", ["local", "sim"])
def test_a_world_that_cannot_be_made_is_its_scenarios_error(
    tmp_path: Path, world: settings_module.WorldKind
) -> None:
    tiny_world.LOG.refuse_a_world = errors.EnvironmentFailure("out of ports")
    told = runs.settings(tmp_path, world=world)
    done = runs.run(runs.request(tmp_path, runs.PASSING, told=told))
    assert (done.exit_code, done.cause) == (3, "passing: out of ports")


def test_a_bug_of_ours_fails_the_run(tmp_path: Path) -> None:
    source = """
        from alys.base import errors
        async def test_bug(world):
            world.check(True, "x")
            raise errors.AlysBug("an invariant does not hold")
    """
    done = runs.run_source(tmp_path, source)
    assert (done.verdict, done.exit_code) == ("fail", 1)
    assert done.cause == "bug: an invariant does not hold (scenario.py:5)"


def test_who_stops_a_run_as_soon_as_it_says_that_it_began_has_its_report(tmp_path: Path) -> None:
    interrupt = functools.partial(signal.raise_signal, signal.SIGINT)
    asked = runs.request(tmp_path, runs.PASSING, begun=interrupt)
    done = runs.run(asked)
    assert (done.verdict, done.exit_code) == ("interrupted", 130)
    assert runs.report_of(done).verdict == "interrupted"


def test_ctrl_c_in_the_middle_closes_the_worlds_and_writes_the_reports(tmp_path: Path) -> None:
    source = """
        async def test_first(world):
            world.check(True, "x")
        async def test_second(world):
            world.check(True, "y")
            while True:
                await world.turn()
        async def test_third(world):
            world.check(True, "z")
    """
    tiny_world.LOG.interrupt_at_turn = 7
    done = runs.run(runs.request(tmp_path, source))
    assert (done.verdict, done.exit_code) == ("interrupted", 130)
    assert done.cause == "interrupted after 1 of 3 scenarios"
    assert done.trace_hash is None
    assert [(case.outcome.value, case.samples) for case in done.cases] == [
        ("passed", 1),
        ("not run", 1),
        ("not run", 0),
    ]
    assert done.cases[1].cause == "interrupted while it ran"
    assert "close second" in tiny_world.LOG.events
    assert "open third" not in tiny_world.LOG.events
    assert runs.report_of(done) == done
    lines = (runs.results_of(done) / "events.jsonl").read_text().splitlines()
    assert '{"kind":"scenario","name":"second"}' in lines


def test_ctrl_c_raised_through_a_scenario_closes_its_world(tmp_path: Path) -> None:
    source = """
        async def test_first(world):
            world.check(True, "x")
            raise KeyboardInterrupt
    """
    done = runs.run_source(tmp_path, source)
    assert done.exit_code == 130
    assert "close first" in tiny_world.LOG.events


def test_a_second_ctrl_c_while_closing_still_leaves_reports_and_a_closed_driver(
    tmp_path: Path,
) -> None:
    tiny_world.LOG.fail_closing_the_driver = KeyboardInterrupt()
    done = runs.run(runs.request(tmp_path, runs.PASSING))
    assert done.exit_code == 130
    assert runs.report_of(done) == done
    assert tiny_world.LOG.events.count("driver closed") == 2


def test_a_driver_that_does_not_close_fails_the_run(tmp_path: Path) -> None:
    tiny_world.LOG.fail_closing_the_driver = RuntimeError("a task is left")
    done = runs.run(runs.request(tmp_path, runs.PASSING))
    assert (done.exit_code, done.cause) == (
        1,
        "cannot close the world: RuntimeError: a task is left",
    )


def test_the_cause_is_that_of_the_exit_code_that_won(tmp_path: Path) -> None:
    tiny_world.LOG.refuse_to_open = errors.EnvironmentFailure("port 1 is in use")
    tiny_world.LOG.fail_closing_the_driver = RuntimeError("a task is left")
    done = runs.run(runs.request(tmp_path, runs.PASSING))
    assert (done.exit_code, done.causes) == (3, ("passing: port 1 is in use",))


def test_a_world_that_does_not_close_fails_its_scenario(tmp_path: Path) -> None:
    tiny_world.LOG.fail_closing = RuntimeError("a socket is left")
    done = runs.run(runs.request(tmp_path, runs.PASSING))
    assert done.exit_code == 1
    assert done.cause == "passing: RuntimeError: a socket is left"


def test_a_timeout_names_the_scenario_and_what_it_waited_for(tmp_path: Path) -> None:
    source = """
        async def test_stuck(world):
            async def never(): return False
            await world.eventually(never, "the mint of bob's deposit", timeout_s=1000)
    """
    told = runs.settings(tmp_path, scenario_s=5)
    done = runs.run(runs.request(tmp_path, source, told=told))
    assert done.exit_code == 1
    assert done.cause == (
        "stuck: stuck did not end within 5 s while waiting for: the mint of bob's deposit"
    )
    assert "close stuck" in tiny_world.LOG.events


def test_the_run_as_a_whole_has_a_timeout(tmp_path: Path) -> None:
    source = """
        async def test_one(world):
            world.check(True, "x")
        async def test_two(world):
            world.check(True, "x")
    """
    told = runs.settings(tmp_path, run_s=10)
    done = runs.run(runs.request(tmp_path, source, told=told, tick_s=3.0))
    assert (done.exit_code, done.counts.passed, done.counts.failed) == (1, 1, 1)
    assert done.cause == (
        "two: the run took longer than 10 s, which test_environment.timeout_seconds allows"
    )


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        (
            "import nosuchmodule",
            "scenario.py:1: ModuleNotFoundError: No module named 'nosuchmodule'",
        ),
        ("x = 1\n\nraise ValueError('boom')", "scenario.py:3: ValueError: boom"),
        ("x = 1\ndef f(:\n  pass", "scenario.py:2: SyntaxError: "),
    ],
)
def test_a_file_that_does_not_import_is_told_with_its_line(
    tmp_path: Path, source: str, cause: str
) -> None:
    done = runs.run_source(tmp_path, source)
    assert (done.verdict, done.exit_code) == ("usage", 2)
    assert done.cause.startswith(f"cannot load {cause}")


def test_a_broken_progress_reader_is_told_as_a_failure(tmp_path: Path) -> None:
    """Whatever breaks pytest from inside is no pass, and is named."""
    source = """
        async def test_odd(world):
            world.check(True, "x")
            world.trace = None
    """
    done = runs.run_source(tmp_path, source)
    assert done.exit_code == 1
    assert done.cause.startswith("pytest broke: TypeError")


def test_the_results_folder_holds_everything(tmp_path: Path) -> None:
    done = runs.run_source(tmp_path, runs.PASSING)
    folder = runs.results_of(done)
    assert folder.name.startswith("20260101T000000Z-scenario-")
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.resolved.toml",
        "events.jsonl",
        "junit.xml",
        "replay.txt",
        "report.html",
        "report.json",
        "run.log",
    ]
    assert (folder.parent / "latest").resolve() == folder.resolve()
    assert runs.report_of(done) == done
    assert ElementTree.parse(folder / "junit.xml").getroot().tag == "testsuites"
    assert "passing" in (folder / "report.html").read_text()
    resolved = loader.load(folder / "config.resolved.toml", {}, {})
    assert (resolved.world.kind, resolved.world.seed) == ("sim", 7)


def test_the_trace_hash_is_that_of_the_file_and_only_where_a_seed_decides(tmp_path: Path) -> None:
    done = runs.run_source(tmp_path / "a", runs.PASSING)
    told = runs.settings(tmp_path / "b", world="local")
    local = runs.run(runs.request(tmp_path / "b", runs.PASSING, told=told))
    told = runs.settings(tmp_path / "c", seed=8)
    other = runs.run(runs.request(tmp_path / "c", runs.PASSING, told=told))
    content = (runs.results_of(done) / "events.jsonl").read_bytes()
    assert done.trace_hash == hashlib.blake2b(content, digest_size=32).hexdigest()
    assert [json.loads(line)["kind"] for line in content.splitlines()] == [
        "scenario",
        "seed",
        "turn",
    ]
    assert local.trace_hash is None
    assert other.trace_hash not in (None, done.trace_hash)


def test_figures_that_json_cannot_say_do_not_cost_the_report(tmp_path: Path) -> None:
    source = """
        async def test_odd(world):
            world.check(True, "x")
            world.note(wei=5 * 10**19, raw=b"\\x01", nan=float("nan"), of={1: {2, 3}})
    """
    done = runs.run_source(tmp_path, source)
    assert done.exit_code == 0
    facts = runs.report_of(done).cases[0].facts
    assert facts == {"wei": 5 * 10**19, "raw": "01", "nan": "nan", "of": {"1": [2, 3]}}


def test_the_replay_line_says_world_seed_and_choice(tmp_path: Path) -> None:
    done = runs.run_source(tmp_path, runs.PASSING, keyword="pass and not x")
    words = shlex.split(done.replay)
    assert words[:7] == ["alys", "test", "scenario.py", "--world", "sim", "--seed", "7"]
    assert words[7:] == ["-k", "pass and not x"]
    lines = (runs.results_of(done) / "replay.txt").read_text().splitlines()
    assert lines[0] == done.replay
    assert done.versions.commit in lines[1]


def test_the_replay_line_names_the_configuration_when_flags_do_not_say_it(tmp_path: Path) -> None:
    told = runs.settings(tmp_path, world="local", scenario_s=9)
    done = runs.run(runs.request(tmp_path, runs.PASSING, told=told))
    words = shlex.split(done.replay)
    assert words[words.index("--time-scale") + 1] == "10"
    config = Path(words[words.index("--config") + 1])
    assert loader.load(config, {}, {}).test_scenarios.integration.timeout_seconds == 9


def test_the_replay_line_of_a_simulation_names_a_time_scale_only_when_it_was_changed(
    tmp_path: Path,
) -> None:
    told = runs.settings(tmp_path)
    changed = msgspec.structs.replace(
        told, world=msgspec.structs.replace(told.world, time_scale=2.0)
    )
    done = runs.run(runs.request(tmp_path, runs.PASSING, told=changed))
    assert done.replay == "alys test scenario.py --world sim --seed 7 --time-scale 2"


def test_every_scenario_has_a_scratch_path_of_its_own_that_is_gone_afterwards(
    tmp_path: Path,
) -> None:
    source = """
        async def test_one(world):
            world.info.scratch.mkdir()
            world.check(True, "x")
        async def test_two(world):
            world.info.scratch.mkdir()
            world.check(True, "x")
    """
    done = runs.run_source(tmp_path, source)
    assert done.exit_code == 0
    assert len(set(tiny_world.LOG.scratch)) == 2
    assert not any(Path(path).exists() for path in tiny_world.LOG.scratch)


def test_results_that_cannot_be_written_are_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file is in the way")
    with pytest.raises(errors.EnvironmentFailure, match=r"results folder .*--results-dir"):
        runs.run(runs.request(tmp_path, runs.PASSING))


def test_what_scenarios_print_never_reaches_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = """
        import sys
        print("at import")
        async def test_loud(world):
            print("in the scenario")
            print("to stderr", file=sys.stderr)
            world.check(True, "x")
    """
    runs.run_source(tmp_path, source)
    out, err = capsys.readouterr()
    assert out == ""
    assert all(words in err for words in ("at import", "in the scenario", "to stderr"))


def test_whose_run_it_was_and_where_its_results_go_is_no_part_of_what_was_run(
    tmp_path: Path,
) -> None:
    plain = runs.settings(tmp_path / "b")
    told = msgspec.structs.replace(
        plain,
        test_environment=msgspec.structs.replace(
            plain.test_environment, job_name="nightly-1", results_url="http://keeper:8080"
        ),
    )
    tiny_world.fresh()
    ours = runs.run(runs.request(tmp_path / "a", runs.PASSING))
    theirs = runs.run(runs.request(tmp_path / "b", runs.PASSING, told=told))
    assert (ours.job, theirs.job) == ("", "nightly-1")
    assert ours.versions.config_hash == theirs.versions.config_hash
    resolved = (runs.results_of(theirs) / "config.resolved.toml").read_text()
    assert "keeper" not in resolved
    assert "nightly-1" not in resolved
    assert runs.report_of(theirs).job == "nightly-1"
    assert "nightly-1" in (runs.results_of(theirs) / "report.html").read_text()


def test_what_is_run_besides_is_told_and_counts_as_a_case(tmp_path: Path) -> None:
    given: list[Path] = []

    def campaign(folder: Path) -> record.CaseRecord:
        given.append(folder)
        cause = "seed 2: ledger"
        return record.CaseRecord(
            name="campaign",
            outcome=record.Outcome.FAILED,
            exit_code=1,
            duration_s=1.0,
            samples=5,
            cause=cause,
        )

    asked = msgspec.structs.replace(runs.request(tmp_path, runs.PASSING), besides=(campaign,))
    done = runs.run(asked)
    assert (done.verdict, done.cause) == ("fail", "campaign: seed 2: ledger")
    assert (done.counts.passed, done.counts.failed, done.counts.samples) == (1, 1, 6)
    assert given == [runs.results_of(done)]
    assert "told campaign" in tiny_world.LOG.events


def test_what_breaks_besides_fails_the_run_and_after_an_interruption_nothing_is_run_besides(
    tmp_path: Path,
) -> None:
    def broken(_: Path) -> record.CaseRecord:
        raise RuntimeError("no program")

    def asked(folder: Path) -> record.RunRecord:
        request = runs.request(folder, runs.PASSING)
        return runs.run(msgspec.structs.replace(request, besides=(broken,)))

    told = "what is run besides the scenarios broke: RuntimeError: no program"
    done = asked(tmp_path / "one")
    assert (done.exit_code, done.cause) == (1, told)
    tiny_world.LOG.interrupt_at_turn = 1
    done = asked(tmp_path / "other")
    assert (done.verdict, told in done.causes) == ("interrupted", False)
