"""The run behind the commands."""

from alys.campaigns import life


def test_a_run_and_its_trace_are_of_one_plan() -> None:
    plan = life.plan_of(3, "all", "light")
    outcome, records = life.traced(plan)
    assert (life.run(plan), bool(records)) == (outcome, True)
