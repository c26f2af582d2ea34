"""Three nodes weather fifty storms: whatever is killed or cut off, one finalised chain, one head in the end, pegs exact."""

import pytest

from alys.chain.approvals import BadApproval, Verifier, check_approval
from alys.chain.approvals import approve as approved
from alys.worlds import network
from tests.federation import storm
from tests.federation.storm import LightScheme

SEEDS = range(1, 51)
SECRETS = tuple(bytes(31) + bytes((number,)) for number in (1, 2, 3))


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many runs, so signatures that cost nothing."""
    monkeypatch.setattr(network, "BlsScheme", LightScheme)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_a_storm_is_weathered(seed: int) -> None:
    found = storm.weather(seed)
    assert found.finalised_height > 0


@pytest.mark.slow
def test_a_seed_is_one_storm() -> None:
    assert storm.weather(1) == storm.weather(1)
    assert storm.weather(1).events != storm.weather(2).events


def test_the_light_scheme_knows_signer_and_root() -> None:
    scheme: Verifier = LightScheme()
    first, second, third = (LightScheme().signer(secret) for secret in SECRETS)
    root, other = b"\x01" * 32, b"\x02" * 32
    keys = [first.public_key, second.public_key]
    both = scheme.aggregate([first.sign(root), second.sign(root)])
    assert scheme.verify_aggregate(keys, root, both)
    assert not scheme.verify_aggregate(keys, other, both)
    assert not scheme.verify_aggregate([first.public_key, third.public_key], root, both)
    assert not scheme.verify_aggregate([], root, scheme.aggregate([]))
    with pytest.raises(BadApproval):
        check_approval(approved(second, 0, root), root, keys, scheme)
