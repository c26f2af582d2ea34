"""Approvals: real BLS signatures, their sum, and what does not count."""

from alys.chain import approvals
from alys.chain.approvals import BlsScheme
from tests.chain.approval_contract import ApprovalContract


class TestBlsScheme(ApprovalContract):
    """All that a scheme promises."""

    scheme = BlsScheme()

    def test_a_quorum_of_three_is_two(self) -> None:
        assert not approvals.has_quorum(None, 3)
        assert not approvals.has_quorum(self.gathered(1), 3)
        assert approvals.has_quorum(self.gathered(1, 2), 3)
        assert not approvals.has_quorum(self.gathered(1, 2), 4)


def test_signatures_are_those_of_the_standard() -> None:
    """A vector of the Ethereum consensus layer's BLS tests: same curve, same suite, same bytes."""
    secret = bytes.fromhex("263dbd792f5b1be47ed85f8938c0f29586af0d3ac7b977f21c278fe1462040e3")
    assert BlsScheme().signer(secret).sign(bytes(32)).hex() == (
        "b6ed936746e01f8ecf281f020953fbf1f01debd5657c4a383940b020b26507f6076334f91e2366c96e9ab279fb515809"
        "0352ea1c5b0c9274504f4f0e7053af24802e51e4568d164fe986834f41e55c8e850ce1f98458c0cfc9ab380b55285a55"
    )
