"""One order each, from outside a loop: what it does is typed in tests/cli/test_inject.py; here, where it is not on a shell's way."""

from collections.abc import Callable

import pytest

from alys.base import faults
from alys.base.errors import EnvironmentFailure
from alys.shells import fault_orders
from alys.shells.fault_orders import Target
from tests.shells import doors


def test_nobody_there_is_the_environments_fault() -> None:
    with doors.closed() as url:
        target = Target(service="bitcoin", url=url, token="secret-token")
        orders: tuple[Callable[[], object], ...] = (
            lambda: fault_orders.listed(target),
            lambda: fault_orders.cleared(target),
            lambda: fault_orders.removed(target, 1),
            lambda: fault_orders.inject(target, faults.Hang()),
        )
        for order in orders:
            with pytest.raises(EnvironmentFailure, match=url) as failed:
                order()
            assert "secret-token" not in str(failed.value)
