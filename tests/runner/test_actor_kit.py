"""The fixture in real pytest sessions: what passes, what is red, and how it is said."""

import textwrap
from pathlib import Path

import msgspec
import pytest

from alys.runner import hermetic

HEAD = """
from alys.actors.actor import Actor
from alys.actors.message import Message, Request

class Work(Message, frozen=True, kw_only=True):
    hours: int

class Greet(Request[str], frozen=True, kw_only=True):
    pass

class Worker(Actor):
    def on_work(self, message: Work, ctx) -> None:
        if message.hours > 8:
            raise ValueError("overtime")

    def on_greet(self, message: Greet, ctx) -> str:
        return "hello"
"""


class Session(msgspec.Struct, kw_only=True):
    """A pytest session as seen by a plugin of it."""

    reports: list[pytest.TestReport] = []
    broken: list[str] = []
    code: int = -1

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Without the terminal's plugin nobody sets it."""
        config.option.verbose = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep it."""
        self.reports.append(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what could not be collected."""
        if report.failed:
            self.broken.append(str(report.longrepr))

    def outcomes(self) -> dict[str, str]:
        """By test: how its call ended, or the phase before or after it that did not pass."""
        ends: dict[str, str] = {}
        for report in self.reports:
            name = report.nodeid.rpartition("::")[2]
            if report.when == "call" or not report.passed:
                ends[name] = (
                    report.outcome if report.when == "call" else f"{report.when} {report.outcome}"
                )
        return ends

    def text(self, name: str) -> str:
        """What is printed about a test that failed."""
        (report,) = (r for r in self.reports if r.nodeid.endswith(name) and r.failed)
        return "\n".join([report.longreprtext, *(body for _, body in report.sections)])


def play(folder: Path, tests: str, *arguments: str, plugin: bool = True) -> Session:
    """Run a file of tests in a session of its own."""
    path = folder / "test_of_a_user.py"
    path.write_text(HEAD + textwrap.dedent(tests), encoding="utf-8")
    session = Session()
    words = [*hermetic.arguments([path], None), *arguments]
    words += ["-p", "alys.runner.actor_kit"] if plugin else []
    with hermetic.surroundings([path]):
        session.code = int(pytest.main(words, plugins=[session]))
    return session


def test_an_actor_is_tested_in_a_few_lines(tmp_path: Path) -> None:
    session = play(
        tmp_path,
        """
        def test_it_greets(actor_kit):
            worker = actor_kit.spawn(Worker, "worker")
            assert actor_kit.ask(worker, Greet()) == "hello"

        def test_it_goes_home(actor_kit):
            worker, probe = actor_kit.spawn(Worker, "worker"), actor_kit.probe()
            probe.watch(worker)
            actor_kit.stop(worker)
            probe.expect_terminated(worker)
        """,
    )
    assert (session.code, session.outcomes()) == (
        0,
        {"test_it_greets": "passed", "test_it_goes_home": "passed"},
    )


def test_a_wrong_expectation_fails_and_says_what_came_and_how_to_see_it_again(
    tmp_path: Path,
) -> None:
    session = play(
        tmp_path,
        """
        def test_it_sings(actor_kit):
            probe = actor_kit.probe("choir")
            actor_kit.tell(probe.ref, Work(hours=8))
            probe.expect(Greet)
        """,
        "--actor-seed=41",
    )
    text = session.text("test_it_sings")
    assert (session.code, session.outcomes()) == (1, {"test_it_sings": "failed"})
    assert "probe 'choir' expected Greet within 3 s; Work(hours=8) came instead" in text
    assert "the same order again: --actor-seed=41" in text
    assert "probe.py" not in text, "the kit's own frames are of no interest"


def test_a_test_whose_actor_crashes_silently_is_red_itself_and_shows_the_actors_line(
    tmp_path: Path,
) -> None:
    session = play(
        tmp_path,
        """
        def test_overtime(actor_kit):
            actor_kit.tell(actor_kit.spawn(Worker, "worker"), Work(hours=9))
        """,
    )
    text = session.text("test_overtime")
    assert (session.code, session.outcomes()) == (1, {"test_overtime": "failed"})
    assert 'raise ValueError("overtime")' in text
    assert "an actor failed: 0 s: /test/worker failed Work(hours=9) [ValueError: overtime]" in text


def test_a_crash_that_the_test_means_is_green(tmp_path: Path) -> None:
    session = play(
        tmp_path,
        """
        def test_overtime(actor_kit):
            actor_kit.allow_failures(ValueError)
            worker = actor_kit.spawn(Worker, "worker")
            actor_kit.tell(worker, Work(hours=9))
            actor_kit.settle()
            assert actor_kit.effects.restarts(worker) == 1
        """,
    )
    assert (session.code, session.outcomes()) == (0, {"test_overtime": "passed"})


def test_a_test_that_fails_has_one_failure_though_an_actor_crashed_too(tmp_path: Path) -> None:
    session = play(
        tmp_path,
        """
        def test_both(actor_kit):
            actor_kit.tell(actor_kit.spawn(Worker, "worker"), Work(hours=9))
            actor_kit.settle()
            assert 1 == 2
        """,
    )
    assert session.outcomes() == {"test_both": "failed"}
    assert "assert 1 == 2" in session.text("test_both")


def test_every_test_has_a_kit_of_its_own_and_a_skip_is_a_skip(tmp_path: Path) -> None:
    session = play(
        tmp_path,
        """
        import pytest

        def test_one(actor_kit):
            actor_kit.probe("same name")

        def test_other(actor_kit):
            actor_kit.probe("same name")

        def test_none(actor_kit):
            pytest.skip("not today")

        def test_without():
            pass
        """,
    )
    ends = session.outcomes()
    assert ends == {
        "test_one": "passed",
        "test_other": "passed",
        "test_none": "skipped",
        "test_without": "passed",
    }


def test_several_orders_are_several_tests_and_only_some_find_the_race(tmp_path: Path) -> None:
    session = play(
        tmp_path,
        """
        def test_who_is_first(actor_kit):
            probe, one, other = (actor_kit.probe(name) for name in ("probe", "one", "other"))
            actor_kit.system.dispatcher.call_soon(one.tell, probe.ref, Work(hours=1))
            actor_kit.system.dispatcher.call_soon(other.tell, probe.ref, Work(hours=2))
            assert probe.expect(Work).hours == 1

        def test_without():
            pass
        """,
        "--actor-seed=10",
        "--actor-orders=8",
    )
    ends = session.outcomes()
    assert len(ends) == 8 + 1
    assert {ends[f"test_who_is_first[seed{seed}]"] for seed in range(10, 18)} == {
        "passed",
        "failed",
    }


def test_no_order_at_all_is_refused(tmp_path: Path) -> None:
    session = play(tmp_path, "def test_one(actor_kit): pass", "--actor-orders=0")
    assert session.code != 0
    assert ["--actor-orders must be 1 or more, not 0" in why for why in session.broken] == [True]


def test_a_test_file_may_name_the_plugin_itself(tmp_path: Path) -> None:
    session = play(
        tmp_path,
        """
        pytest_plugins = ["alys.runner.actor_kit"]

        def test_seed(actor_kit):
            assert actor_kit.seed == 0
        """,
        plugin=False,
    )
    assert (session.code, session.outcomes()) == (0, {"test_seed": "passed"})


def test_another_fixture_that_fails_leaves_no_kit_open(tmp_path: Path) -> None:
    session = play(
        tmp_path,
        """
        import pytest

        @pytest.fixture
        def money(actor_kit):
            actor_kit.spawn(Worker, "worker")
            raise LookupError("no money")

        def test_pay(actor_kit, money):
            pass
        """,
    )
    assert session.outcomes() == {"test_pay": "setup failed"}
