"""The machine's clock: each of its answers is of the kind that is promised."""

from alys.kube import clock


def test_it_goes_forward_and_knows_the_date() -> None:
    ticks = clock.MachineClock()
    before = ticks.now()
    ticks.wait(0.0)
    assert ticks.now() >= before
    assert ticks.wall() > 1_700_000_000  # seconds, not milliseconds, since 1970
