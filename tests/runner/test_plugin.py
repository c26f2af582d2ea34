"""How scenarios are found, started, and judged."""

from pathlib import Path
from typing import cast

import pytest

from alys.base import errors
from alys.config import settings as settings_module
from alys.report import record
from alys.runner import plugin
from alys.worlds import protocol
from tests.runner import runs, tiny_world

THREE = """
    async def test_long(world):
        for _ in range(6):
            await world.turn()
        world.check(True, "x")
    async def test_short(world):
        await world.turn()
        world.check(True, "x")
    async def test_middle(world):
        await world.turn()
        await world.turn()
        world.check(True, "x")
"""


@pytest.fixture(autouse=True)
def _fresh() -> None:
    tiny_world.fresh()


def outcomes_of(done: record.RunRecord) -> dict[str, str]:
    return {case.name: case.outcome.value for case in done.cases}


def test_a_concurrent_driver_lets_scenarios_overlap_and_the_report_keeps_their_order(
    tmp_path: Path,
) -> None:
    told = runs.settings(tmp_path, world="local")
    done = runs.run(runs.request(tmp_path, THREE, told=told))
    assert done.exit_code == 0
    assert tiny_world.LOG.most_at_once == 3
    assert tiny_world.LOG.events[:5] == [
        "open long",
        "open short",
        "open middle",
        "close short",
        "close middle",
    ]
    assert list(outcomes_of(done)) == ["long", "short", "middle"]
    assert [case.node_time_s for case in done.cases] == [6.0, 1.0, 2.0]


def test_no_more_scenarios_overlap_than_the_settings_allow(tmp_path: Path) -> None:
    told = runs.settings(tmp_path, world="local", at_once=2)
    done = runs.run(runs.request(tmp_path, THREE, told=told))
    assert (done.exit_code, tiny_world.LOG.most_at_once) == (0, 2)


def test_a_scenario_that_measures_has_the_machine_to_itself(tmp_path: Path) -> None:
    """Those before it have ended when it begins, and those after it begin when it has ended."""
    source = """
        import pytest

        async def test_a(world):
            await world.turn()
            world.check(True, "x")

        async def test_b(world):
            await world.turn()
            world.check(True, "x")

        @pytest.mark.alone
        async def test_c(world):
            await world.turn()
            world.check(True, "x")

        async def test_d(world):
            await world.turn()
            world.check(True, "x")
    """
    tiny_world.fresh()
    done = runs.run(runs.request(tmp_path, source, told=runs.settings(tmp_path, world="local")))
    assert (done.exit_code, done.counts.passed, tiny_world.LOG.most_at_once) == (0, 4, 2)
    said = [event for event in tiny_world.LOG.events if event.split()[0] in ("open", "close")]
    assert {*said[:4]} == {"open a", "open b", "close a", "close b"}
    assert said[4:] == ["open c", "close c", "open d", "close d"]


def test_scenarios_that_stand_several_times_overlap_too(tmp_path: Path) -> None:
    source = """
        import pytest

        @pytest.mark.parametrize("order", (1, 2, 3))
        async def test_a(world, order):
            await world.turn()
            world.check(order in (1, 2, 3), "it is given")
    """
    tiny_world.fresh()
    done = runs.run(runs.request(tmp_path, source, told=runs.settings(tmp_path, world="local")))
    assert (done.exit_code, done.counts.passed, tiny_world.LOG.most_at_once) == (0, 3, 3)


def test_a_driver_that_is_not_concurrent_gets_one_scenario_after_the_other(tmp_path: Path) -> None:
    done = runs.run(runs.request(tmp_path, THREE))
    assert (done.exit_code, tiny_world.LOG.most_at_once) == (0, 1)
    assert tiny_world.LOG.events[:3] == ["open long", "close long", "told long"]


def test_a_failure_among_overlapping_scenarios_is_its_own(tmp_path: Path) -> None:
    source = """
        async def test_good(world):
            for _ in range(5):
                await world.turn()
            world.check(True, "x")
        async def test_bad(world):
            await world.turn()
            world.check(False, "paid once", times=2)
    """
    told = runs.settings(tmp_path, world="local")
    done = runs.run(runs.request(tmp_path, source, told=told))
    assert outcomes_of(done) == {"good": "passed", "bad": "failed"}
    assert done.causes == ("bad: paid once (times=2) (scenario.py:8)",)


def test_ctrl_c_among_overlapping_scenarios_closes_every_open_world(tmp_path: Path) -> None:
    tiny_world.LOG.interrupt_at_turn = 5
    told = runs.settings(tmp_path, world="local")
    done = runs.run(runs.request(tmp_path, THREE, told=told))
    assert done.exit_code == 130
    closed = {event for event in tiny_world.LOG.events if event.startswith("close ")}
    assert closed == {"close long", "close short", "close middle"}


@pytest.mark.parametrize("call", ["world.turn()", "world.eventually(None, 'never asked')"])
def test_a_call_without_await_is_a_failure_even_beside_checks(tmp_path: Path, call: str) -> None:
    source = f"""
        async def test_forgetful(world):
            {call}
            world.check(True, "x")
        async def test_careful(world):
            world.check(True, "x")
    """
    done = runs.run(runs.request(tmp_path, source))
    assert outcomes_of(done) == {"forgetful": "failed", "careful": "passed"}
    name = call.split(".")[1].split("(")[0]
    assert done.cause == (
        f"forgetful: never awaited: TinyWorld.{name} (scenario.py:3); write `await` in front of it"
    )


def test_a_call_without_await_in_a_function_beside_the_scenarios_fails_the_run(
    tmp_path: Path,
) -> None:
    source = """
        def wait(world):
            world.turn()
        async def test_forgetful(world):
            wait(world)
            world.check(True, "x")
    """
    done = runs.run(runs.request(tmp_path, source))
    assert (done.exit_code, done.cause.split(";")[0]) == (
        1,
        "never awaited: TinyWorld.turn (scenario.py:3)",
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def test_plain(world): pass", "write `async def`"),
        ("async def test_plain(): pass", "must take the fixture `world`"),
    ],
)
def test_a_scenario_of_the_wrong_shape_is_a_usage_error(
    tmp_path: Path, source: str, words: str
) -> None:
    done = runs.run(runs.request(tmp_path, source))
    assert (done.verdict, done.exit_code) == ("usage", 2)
    assert words in done.cause


def test_an_unknown_fixture_is_named(tmp_path: Path) -> None:
    done = runs.run(runs.request(tmp_path, "async def test_typo(wrold): pass"))
    assert (done.verdict, done.exit_code) == ("usage", 2)
    assert done.cause == "typo: fixture 'wrold' not found; did you mean 'world'?"


def test_parametrised_scenarios_are_scenarios_of_their_own(tmp_path: Path) -> None:
    source = """
        import pytest
        @pytest.mark.parametrize("sats", [1, 2])
        async def test_pay(world, sats):
            world.check(sats == 1, "is one", sats=sats)
    """
    done = runs.run(runs.request(tmp_path, source))
    assert outcomes_of(done) == {"pay-1": "passed", "pay-2": "failed"}


def test_a_fixture_that_fails_is_its_scenarios_failure(tmp_path: Path) -> None:
    source = """
        import pytest
        @pytest.fixture
        def money(world):
            raise ValueError("no money")
        async def test_pay(world, money):
            world.check(True, "x")
    """
    done = runs.run(runs.request(tmp_path, source))
    assert (done.exit_code, done.cause) == (1, "pay: ValueError: no money (scenario.py:5)")
    assert tiny_world.LOG.events[0] == "told pay"


def test_skipping_is_not_passing(tmp_path: Path) -> None:
    source = """
        import pytest
        async def test_later(world):
            pytest.skip("needs a cluster")
    """
    done = runs.run(runs.request(tmp_path, source))
    assert outcomes_of(done) == {"later": "skipped"}
    assert (done.verdict, done.exit_code) == ("inconclusive", 4)


@pytest.mark.parametrize("world", ["local", "sim"])
def test_a_scenario_that_is_marked_to_be_skipped_is_not_started(
    tmp_path: Path, world: settings_module.WorldKind
) -> None:
    source = """
        import pytest
        @pytest.mark.skip(reason="needs a cluster")
        async def test_later(world):
            world.check(True, "x")
        async def test_now(world):
            world.check(True, "x")
    """
    told = runs.settings(tmp_path, world=world)
    done = runs.run(runs.request(tmp_path, source, told=told))
    assert outcomes_of(done) == {"later": "skipped", "now": "passed"}
    assert done.cases[0].cause == "needs a cluster"
    assert done.exit_code == 0
    assert "open later" not in tiny_world.LOG.events


def test_an_expected_failure_is_still_a_failure(tmp_path: Path) -> None:
    source = """
        import pytest
        @pytest.mark.xfail(reason="known")
        async def test_known(world):
            world.check(False, "x")
    """
    done = runs.run(runs.request(tmp_path, source))
    assert done.exit_code == 1


def test_of_two_errors_in_one_scenario_the_first_decides(tmp_path: Path) -> None:
    source = """
        import pytest
        from alys.base import errors
        @pytest.fixture
        def money():
            yield 1
            raise ValueError("left over")
        async def test_pay(world, money):
            raise errors.EnvironmentFailure("service gone")
    """
    done = runs.run(runs.request(tmp_path, source))
    assert (done.exit_code, done.causes) == (3, ("pay: service gone",))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnknownMarkWarning")
def test_an_unknown_mark_is_refused(tmp_path: Path) -> None:
    source = """
        import pytest
        @pytest.mark.solw
        async def test_x(world):
            world.check(True, "x")
    """
    done = runs.run(runs.request(tmp_path, source))
    assert (done.verdict, done.exit_code) == ("usage", 2)
    assert "solw" in done.cause


def test_ending_pytest_from_within_is_no_pass(tmp_path: Path) -> None:
    source = """
        import pytest
        async def test_sly(world):
            world.check(True, "x")
            pytest.exit("done", returncode=0)
    """
    done = runs.run(runs.request(tmp_path, source))
    assert done.exit_code == 4
    assert outcomes_of(done) == {"sly": "not run"}


def test_a_run_cut_off_by_its_timeout_reports_how_long_the_scenario_took(tmp_path: Path) -> None:
    """The time of a scenario that was cut off is not zero."""
    source = """
        async def test_endless(world):
            world.check(True, "x")
            while True:
                await world.turn()
    """
    tiny_world.LOG.interrupt_at_turn = 9
    done = runs.run(runs.request(tmp_path, source))
    assert done.cases[0].duration_s > 0


class Mark:
    """As pytest holds one."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        self.args = args
        self.kwargs = kwargs


def needed(*args: object, **kwargs: object) -> protocol.ScenarioInfo:
    info = protocol.ScenarioInfo(name="x", seed=1, scratch=Path("x"))
    return plugin.as_needed(info, cast(pytest.Mark, Mark(*args, **kwargs)))


def test_a_scenario_says_what_its_world_must_be() -> None:
    info = protocol.ScenarioInfo(name="x", seed=1, scratch=Path("x"))
    assert plugin.as_needed(info, None) == info
    found = needed(nodes=3, placement="split")
    assert (found.nodes, found.placement, found.name) == (3, "split", "x")


@pytest.mark.parametrize(
    ("args", "wanted", "said"),
    [
        ((), {"nodes": 4}, "nodes 1 to 3"),
        ((), {"placement": "apart"}, "one or split"),
        ((), {"node": 3}, "takes nodes="),
        ((), {}, "takes nodes="),
        ((3,), {}, "takes nodes="),
    ],
)
def test_a_need_that_cannot_be_met_is_told(
    args: tuple[object, ...], wanted: dict[str, object], said: str
) -> None:
    with pytest.raises(errors.UsageError, match=said):
        needed(*args, **wanted)
