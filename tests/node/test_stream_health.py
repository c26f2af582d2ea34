"""With too few governance nodes in reach Chain is told, and told again when there are enough."""

from alys.node.messages import FederationHealth
from alys.node.stream_figures import StreamFigures
from tests.node.streams import Setting

SHORT = FederationHealth(reachable=1, needed=2)
ENOUGH = FederationHealth(reachable=2, needed=2)


def told(setting: Setting) -> list[FederationHealth]:
    return [one for one in setting.chain if isinstance(one, FederationHealth)]


def test_too_few_for_half_a_minute_is_told_and_repeated_until_there_are_enough() -> None:
    setting = Setting()
    for index in (0, 1):
        setting.cut(index, down=True)
    setting.bench.run_for(29.0)
    assert told(setting) == []
    setting.bench.run_for(2.0)
    assert told(setting) == [SHORT]
    setting.bench.run_for(30.0)  # a Chain that has begun anew knows nothing
    assert told(setting) == [SHORT, SHORT]
    setting.cut(0, down=False)
    setting.bench.run_for(2.0)
    assert told(setting) == [SHORT, SHORT, ENOUGH]
    setting.bench.run_for(90.0)
    assert told(setting) == [SHORT, SHORT, ENOUGH]


def test_who_is_back_in_time_was_never_away() -> None:
    setting = Setting()
    for index in (0, 1):
        setting.cut(index, down=True)
    setting.bench.run_for(20.0)
    setting.cut(0, down=False)
    setting.bench.run_for(90.0)
    assert told(setting) == []


def test_one_of_three_away_is_no_matter() -> None:
    setting = Setting(down=(2,))
    setting.bench.run_for(120.0)
    assert told(setting) == []


def test_it_can_be_switched_off() -> None:
    setting = Setting(down=(0, 1, 2), figures=StreamFigures(unhealthy_seconds=0.0))
    setting.bench.run_for(120.0)
    assert told(setting) == []
