"""That the rows would find what they look for: each fault is planted in a handler, and found."""

from collections.abc import Callable
from typing import Any

import pytest

from alys.wire.jsonrpc import Dialect, Handle, Params, RpcError, method_not_found
from tests.fuzz.bodies import Bodies, Good
from tests.fuzz.run import Outcome, fuzz, nothing_stays, well

GOOD: Good = {"echo": [["0xabcd", 7, {"name": [1, 2]}]], "height": [[]]}
REQUESTS = 4_000


class Service:
    """A handler that is without fault but for what ``spoil`` does to a call of ``echo``."""

    def __init__(self, spoil: Callable[["Service", list[Any]], Any]) -> None:
        self._spoil = spoil
        self.kept: list[Any] = []

    def handle(self, method: str, params: Params) -> Any:
        if method == "height":
            return 1
        if method != "echo":
            raise method_not_found(method, Dialect.ETHEREUM)
        if not isinstance(params, list) or len(params) != 3:
            raise RpcError(-32602, "three parameters")
        return self._spoil(self, params)


def row(handle: Handle, state: Callable[[], object] = lambda: None) -> Outcome:
    bodies = Bodies(GOOD, [lambda random: ("height", [random.bits()])], seed=3)
    outcome = fuzz(handle, Dialect.ETHEREUM, bodies, REQUESTS, state)
    well(outcome, bodies, REQUESTS)
    return outcome


def refuse(service: Service, params: list[Any]) -> Any:
    raise RpcError(-32602, "no good")


def keep_and_refuse(service: Service, params: list[Any]) -> Any:
    service.kept.append(params)
    raise RpcError(-32602, "no good")


def crash(service: Service, params: list[Any]) -> Any:
    return params[0].encode()


def admit(service: Service, params: list[Any]) -> Any:
    raise RpcError(-32603, "Internal error")


def test_a_service_without_fault_passes() -> None:
    service = Service(refuse)
    outcome = row(service.handle)
    assert outcome.refused < REQUESTS  # some are no requests at all, or are good
    nothing_stays(outcome, service.handle, Dialect.ETHEREUM)


@pytest.mark.parametrize("spoil", [crash, admit])
def test_an_exception_of_python_is_found_and_the_request_shown(
    spoil: Callable[[Service, list[Any]], Any],
) -> None:
    with pytest.raises(AssertionError, match=r"request \d+, \d+ bytes: b'.*echo"):
        row(Service(spoil).handle)


def test_a_refusal_that_changes_something_is_found() -> None:
    service = Service(keep_and_refuse)
    with pytest.raises(AssertionError) as found:
        row(service.handle, lambda: len(service.kept))
    assert "changed something" in str(found.value.__cause__)


def test_a_leak_is_found() -> None:
    service = Service(keep_and_refuse)
    outcome = row(service.handle)
    with pytest.raises(AssertionError, match="objects"):
        nothing_stays(outcome, service.handle, Dialect.ETHEREUM)


def test_equal_seeds_give_equal_requests() -> None:
    first, second = (Bodies(GOOD, [lambda _: ("height", [])], seed=9) for _ in range(2))
    assert list(first.take(500)) == list(second.take(500))
