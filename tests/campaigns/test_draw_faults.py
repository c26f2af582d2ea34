"""What a seed makes of a profile of faults."""

from collections import Counter
from pathlib import Path

import pytest

from alys.base import faults, trouble
from alys.base.errors import UsageError
from alys.base.prng import SeededRandom
from alys.base.trouble import Kill, Skew
from alys.campaigns import draw_faults
from alys.campaigns.draw_faults import PROFILES, SITES, orders
from alys.campaigns.plan import At, On, Order
from alys.node import tree

WEATHER_S = 40.0
LYING = {"wrong_signature", "equivocate", "short_signatures", "foreign_answers"}


def drawn(seed: int, profile: str = "all") -> tuple[Order, ...]:
    return orders(SeededRandom(seed), profile, WEATHER_S, 3)


def test_a_seed_draws_the_same_for_ever_and_another_seed_something_else() -> None:
    assert drawn(5) == drawn(5)
    assert len({drawn(seed) for seed in range(20)}) > 15


def taken_up_by(path: str) -> tuple[str, ...]:
    """What an actor of a node takes up, or a gateway beside its tree."""
    inside = path.split("/", 3)[3:]
    if inside:
        return draw_faults.MESSAGES[inside[0]]
    return draw_faults.GATEWAYS[path.rsplit("-", 1)[1]]


def test_every_order_is_one_that_its_target_can_have_within_the_weather() -> None:
    for profile in PROFILES:
        for seed in range(60):
            numbers = []
            for order in drawn(seed, profile):
                trouble.fit(order.target, order.fault)
                numbers.append(order.number)
                match order.when:
                    case At(seconds=seconds):
                        assert 0 <= seconds < WEATHER_S
                    case On(actor=path, message=message):
                        assert message in taken_up_by(path)
            assert numbers == list(range(1, len(numbers) + 1))


def test_sites_are_active_in_some_seeds_only_and_all_of_them_in_some() -> None:
    counts = [len(drawn(seed)) for seed in range(300)]
    assert min(counts) <= 3, "some seeds are quiet"
    assert max(counts) >= 20, "some are not"
    seen = Counter(order.fault.kind for seed in range(300) for order in drawn(seed))
    kinds = set(trouble.KINDS) - {"unhealthy"}  # nobody in a campaign asks for health
    assert kinds <= set(seen), f"never drawn: {kinds - set(seen)}"


def test_a_profile_draws_its_own_area_and_a_storm_more_than_thirty() -> None:
    assert drawn(1, "none") == ()
    for seed in range(30):
        assert len(drawn(seed, "storm")) > 30
        assert {o.target.split("-")[0] for o in drawn(seed, "wires")} <= {"wires", "wire"}
        assert {o.fault.kind for o in drawn(seed, "disk")} <= {"kill", "disk_refuses"}
    with pytest.raises(UsageError, match="no profile of faults 'rain'"):
        drawn(1, "rain")


def test_the_profiles_are_those_of_the_page() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "faults.md"
    text = page.read_text()
    for name, sentence in PROFILES.items():
        assert f"| `{name}` | {sentence} |" in text
    for kind in set(trouble.KINDS) - set(faults.KINDS):
        assert f"\n| `{kind}` |" in text, kind


def test_dropping_a_site_changes_nothing_about_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {(o.target, o.fault, o.when) for o in drawn(3, "storm")}
    monkeypatch.setattr(draw_faults, "SITES", SITES[1:])
    after = {(o.target, o.fault, o.when) for o in drawn(3, "storm")}
    assert {one for one in before if one[1].kind != "kill"} <= after | before
    assert len(before & after) > len(before) * 3 / 4


def test_what_is_drawn_is_what_the_design_bears() -> None:
    """At most one governance node lies; clocks are wrong by a few slots; no acknowledged batch is lost."""
    for seed in range(300):
        found = drawn(seed, "storm")
        assert len({o.target for o in found if o.fault.kind in LYING}) <= 1
        for order in found:
            if isinstance(order.fault, Skew):
                assert abs(order.fault.seconds) <= 6
            if isinstance(order.fault, Kill):
                assert order.fault.down_s <= 15


def test_the_actors_of_the_table_are_those_of_a_node() -> None:
    """And the messages are ones that somebody handles: the names stand in the node's code."""
    assert {path.split("/")[-1] for path in draw_faults.MESSAGES} == {*tree.WHOLE, "health"}
    folder = Path(tree.__file__).parent
    code = "".join(path.read_text() for path in folder.glob("*.py"))
    for messages in draw_faults.MESSAGES.values():
        for message in messages:
            assert f"class {message}(" in code, message
