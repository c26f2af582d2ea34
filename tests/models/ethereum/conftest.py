"""Tests of what every client promises run in both profiles; a test that takes opcodes, or another fork, in full alone."""

from collections.abc import Iterator

import pytest

from tests.models.ethereum import builders

IN_BOTH = frozenset(
    f"tests.models.ethereum.test_{name}"
    for name in (
        "branches", "chain_calls", "client", "engine_calls", "filters", "info_calls", "log_calls", "node", "params",
        "pool_calls", "raw_calls", "reorg", "subscriptions", "views",
    )
)  # fmt: skip

IN_FULL = frozenset(
    {
        "test_a_log_of_a_branch_that_lost_is_gone_from_ranges",
        "test_inspect_is_a_line_for_each",
        "test_logs_are_counted_through_the_block",
        "test_receipts_share_out_gas_and_log_numbers_and_name_created_contracts",
        "test_the_bridge_contract_reverts_what_is_no_request",
        "test_the_estimate_is_enough_and_one_less_is_not",
        "test_what_was_made_by_work_stays",
    }
)
"""They make contracts, call without a transaction, or begin with blocks made by work."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Twice, where both profiles promise the same."""
    if metafunc.module.__name__ in IN_BOTH and metafunc.function.__name__ not in IN_FULL:
        metafunc.parametrize("profile", ["full", "light"], indirect=True)


@pytest.fixture(autouse=True)
def profile(request: pytest.FixtureRequest) -> Iterator[str]:
    """Of the clients that this test makes."""
    wanted = str(getattr(request, "param", "full"))
    builders.PROFILES.append(wanted)
    yield wanted
    builders.PROFILES.pop()
