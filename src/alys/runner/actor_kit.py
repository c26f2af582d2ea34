"""The pytest fixture ``actor_kit``: a fresh ``alys.sim.testkit.ActorKit`` per test. It is for any project with actors.

Say ``pytest_plugins = ["alys.runner.actor_kit"]`` in the top conftest.py, or ``-p alys.runner.actor_kit``.

    def test_a_counter_counts(actor_kit: ActorKit) -> None:
        counter = actor_kit.spawn(Counter, "counter")
        assert actor_kit.ask(counter, Count()) == 1

When the test is over its kit is closed; what that finds (a crash that nobody looked at) is a failure of the test itself.
``--actor-seed N`` chooses the order of events, ``--actor-orders COUNT`` runs every test in so many orders.
"""

from collections.abc import Generator, Iterator

import pytest

from alys.sim.testkit import ActorKit

FIXTURE = "actor_kit"

_KIT = pytest.StashKey[ActorKit]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The two options."""
    group = parser.getgroup("actors", "tests of actors")
    group.addoption(
        "--actor-seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of the order of events in tests that take actor_kit (default: 0)",
    )
    group.addoption(
        "--actor-orders",
        type=int,
        default=1,
        metavar="COUNT",
        help="run each of these tests with COUNT seeds, from --actor-seed on (default: 1)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each order, if several are asked for."""
    first, count = _seeds(metafunc.config)
    if FIXTURE in metafunc.fixturenames and count != 1:
        if count < 1:
            raise pytest.UsageError(f"--actor-orders must be 1 or more, not {count}")
        metafunc.parametrize(
            FIXTURE,
            range(first, first + count),
            indirect=True,
            ids=[f"seed{seed}" for seed in range(first, first + count)],
        )


@pytest.fixture
def actor_kit(request: pytest.FixtureRequest) -> Iterator[ActorKit]:
    """A system in virtual time, with probes; see ``alys.sim.testkit``."""
    kit = ActorKit(getattr(request, "param", _seeds(request.config)[0]))
    request.node.stash[_KIT] = kit
    yield kit
    kit.abandon()  # where the test itself was never called


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Close the kit as the last act of the test; say how to repeat it when it fails."""
    __tracebackhide__ = True
    kit = item.stash.get(_KIT, None)
    if kit is None:
        return (yield)
    try:
        yield
        kit.close()
    except BaseException as error:
        kit.abandon()
        if not isinstance(error, pytest.skip.Exception):
            item.add_report_section(
                "call", FIXTURE, f"the same order again: --actor-seed={kit.seed}"
            )
        raise


def _seeds(config: pytest.Config) -> tuple[int, int]:
    """The first seed and how many; the defaults where a test module loads this file, after options were read."""
    return config.getoption("actor_seed", 0), config.getoption("actor_orders", 1)
