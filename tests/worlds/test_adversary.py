"""The adversary waits for a scene that has what its forgery needs, and says whether it came to that."""

import pytest

from alys.chain.light_approvals import LightScheme
from alys.worlds import adversary, network
from tests.worlds import forging


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signatures that cost nothing."""
    monkeypatch.setattr(network, "SCHEMES", {"full": LightScheme})


def test_without_what_it_needs_nothing_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is minted twice where the forger sees no deposit."""
    monkeypatch.setattr(adversary, "SLOTS_MAX", 2)
    monkeypatch.setattr(adversary, "LOOK_BACK_BLOCKS", 0)
    assert forging.judged("minted again") == {"minted again": False}
