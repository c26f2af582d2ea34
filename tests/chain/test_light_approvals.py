"""The light scheme keeps the contract of the real one."""

from alys.chain.approvals import BlsScheme
from alys.chain.light_approvals import LightScheme
from alys.chain.spec import DEV_SECRETS
from tests.chain.approval_contract import ROOT, ApprovalContract


class TestLightScheme(ApprovalContract):
    """All of it."""

    scheme = LightScheme()


def test_the_schemes_do_not_believe_each_other() -> None:
    """A world that mixed them would have no approvals at all, rather than some that nobody checked."""
    light, real = (scheme.signer(DEV_SECRETS[0]) for scheme in (LightScheme(), BlsScheme()))
    assert not BlsScheme().verify(real.public_key, ROOT, light.sign(ROOT))
    assert not LightScheme().verify(light.public_key, ROOT, real.sign(ROOT))
