"""The adversary waits for a scene that has what its forgery needs, and says whether it came to that."""

import msgspec
import pytest

from alys.chain.light_approvals import LightScheme
from alys.worlds import adversary, network
from alys.worlds.forgeries import FORMS
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


def test_a_block_that_the_slots_own_author_made_as_well_is_no_forgery(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Shown without a quorum, and there with one: who has it has not believed the forger."""
    form = msgspec.structs.replace(FORMS["without a quorum"], make=lambda scene: scene.head)
    monkeypatch.setattr(adversary, "FORMS", {"without a quorum": form})
    monkeypatch.setattr(adversary, "SLOTS_MAX", 2)
    assert forging.judged("without a quorum") == {"without a quorum": False}
