"""What services share: doors that open together or not at all. Their ends are seen in ``tests/cli/test_mock.py``."""

import asyncio
import socket

import pytest

from alys.base.errors import EnvironmentFailure
from alys.config.services import BitcoinService
from alys.shells import mock_service
from alys.shells.bitcoin_mock import BitcoinMock
from tests.shells.mocks import Opened, settings, with_open


@pytest.mark.parametrize("taken", ["RPC_PORT", "ADMIN_PORT", "METRICS_PORT"])
def test_a_port_in_use_is_named_and_the_others_are_given_back(taken: str) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        told = settings(BitcoinService, **{taken: port})
        mock = BitcoinMock(told)

        async def run(_: Opened) -> None:
            raise AssertionError("it opened")

        with pytest.raises(EnvironmentFailure, match=f"127.0.0.1:{port} .*in use"):
            with_open(mock, told, run)


def test_what_does_not_close_does_not_keep_the_rest_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mock_service, "CLOSE_SECONDS", 0.05)
    closed = []

    async def stuck() -> None:
        await asyncio.Event().wait()

    async def broken() -> None:
        raise OSError("cannot")

    async def well() -> None:
        closed.append("well")

    mock = BitcoinMock(settings(BitcoinService))
    mock.closers += [stuck, broken, well]
    asyncio.run(mock_service.close_doors(mock))
    assert closed == ["well"]


@pytest.mark.parametrize(
    ("bound", "called"),
    [
        ("http://0.0.0.0:8545", "http://127.0.0.1:8545"),
        ("http://[::]:8545", "http://[::1]:8545"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("http://10.0.0.7:8545", "http://10.0.0.7:8545"),
    ],
)
def test_a_service_on_all_addresses_is_called_on_the_loopback(bound: str, called: str) -> None:
    assert mock_service.callable_from_here(bound) == called


def test_the_end_comes_within_five_seconds_whatever_is_going_on() -> None:
    """How it comes is seen with real processes in ``tests/cli/test_mock.py``, where no stop-watch would be fair."""
    assert mock_service.CLOSE_SECONDS < mock_service.END_SECONDS < 5
