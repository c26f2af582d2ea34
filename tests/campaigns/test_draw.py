"""The plan that a seed gives."""

from alys.campaigns.draw import Options, plan_of
from alys.campaigns.plan import Announce, Burn, Deposit, Forgery, Transfer, Vanish
from alys.worlds.forgeries import FORMS


def test_a_seed_has_one_plan() -> None:
    """And the next seed another."""
    assert plan_of(5) == plan_of(5)
    assert plan_of(5) != plan_of(6)


def test_mixed_profiles_run_one_seed_in_ten_in_full() -> None:
    """By the seed, not by the order."""
    kinds = [plan_of(seed, Options(profile="mixed")).profile for seed in range(1000)]
    assert 70 < kinds.count("full") < 130


def test_work_of_every_form_is_drawn_and_comes_within_the_weather() -> None:
    """In some seeds; in the order of its times."""
    plans = [plan_of(seed) for seed in range(200)]
    forms = {one.form for plan in plans for one in plan.work if isinstance(one, Deposit | Burn)}
    assert forms == {"good", "twin", "nobody", "garbled", "foreign", "dust"}
    assert any(isinstance(one, Transfer) for plan in plans for one in plan.work)
    for plan in plans:
        times = [one.at for one in plan.work]
        assert times == sorted(times)
        assert all(0 <= at < plan.weather_s for at in times)


def test_attacks_and_crowds_are_drawn_in_some_seeds() -> None:
    """Every form of forgery, with and without a restart; more deposits at once than a block credits; none for a node that is alone."""
    plans = [plan_of(seed) for seed in range(200)]
    forgeries = [one for plan in plans for one in plan.work if isinstance(one, Forgery)]
    assert {one.form for one in forgeries} == set(FORMS)
    assert {one.restart for one in forgeries} == {True, False}
    for kind in (Announce, Vanish):
        assert any(isinstance(one, kind) for plan in plans for one in plan.work)
    crowds = [[one.at for one in plan.work if isinstance(one, Deposit)] for plan in plans]
    assert max(max(map(times.count, times)) for times in crowds) > 16
    alone = plan_of(5, Options(nodes=1))
    assert not any(isinstance(one, Forgery) for one in alone.work)
