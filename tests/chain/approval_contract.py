"""What every scheme of approvals promises; the real one and the light one are held to it alike."""

import msgspec
import pytest

from alys.chain import approvals
from alys.chain.approvals import AggregateApproval, Approval, BadApproval, BlsScheme
from alys.chain.light_approvals import LightScheme
from alys.chain.spec import DEV_SECRETS
from tests.chain.chains import SPEC

ROOT = bytes(range(32))
OTHER = bytes(32)
SIGNATURE_BYTES = 96
UNVERIFIED = "the signature does not verify"
UNVERIFIED_SUM = "the aggregate signature does not verify"


class ApprovalContract:
    """Inherit and name the scheme."""

    scheme: BlsScheme | LightScheme

    def approve(self, index: int, root: bytes = ROOT) -> Approval:
        """By the authority at a place of the specification."""
        return approvals.approve(self.scheme.signer(DEV_SECRETS[index]), index, root)

    def gathered(self, *indices: int) -> AggregateApproval:
        """Merged in this order."""
        aggregate = None
        for index in indices:
            aggregate = approvals.merge(aggregate, self.approve(index), self.scheme)
        assert aggregate is not None
        return aggregate

    def check(self, approval: Approval) -> None:
        """As a node does."""
        approvals.check_approval(approval, ROOT, SPEC.authorities, self.scheme)

    def why(self, approval: Approval) -> str:
        """The reason of a refusal that names the approval's authority."""
        with pytest.raises(BadApproval) as caught:
            self.check(approval)
        assert caught.value.indices == (approval.authority_index,)
        return caught.value.reason

    def reason(self, aggregate: AggregateApproval, root: bytes = ROOT) -> str:
        """Of an aggregate that must be refused."""
        with pytest.raises(BadApproval) as caught:
            approvals.check_aggregate(aggregate, root, SPEC.authorities, self.scheme)
        return caught.value.reason

    def test_signing_again_gives_the_same_bytes(self) -> None:
        first = self.approve(0)
        assert first == self.approve(0)
        assert len(first.signature) == SIGNATURE_BYTES

    def test_keys_are_those_of_the_specification(self) -> None:
        keys = tuple(self.scheme.signer(secret).public_key for secret in DEV_SECRETS)
        assert keys == SPEC.authorities

    def test_an_approval_of_a_listed_authority_holds(self) -> None:
        for index in range(3):
            self.check(self.approve(index))

    def test_an_approval_of_another_block_does_not_hold(self) -> None:
        other = self.approve(0, OTHER)
        assert self.why(other) == "it is for another block"
        assert self.why(msgspec.structs.replace(other, block_root=ROOT)) == UNVERIFIED

    @pytest.mark.parametrize("index", [3, -1])
    def test_an_approval_of_nobody_does_not_hold(self, index: int) -> None:
        lie = msgspec.structs.replace(self.approve(0), authority_index=index)
        assert self.why(lie) == "no such authority"

    def test_an_approval_in_another_ones_name_does_not_hold(self) -> None:
        assert self.why(msgspec.structs.replace(self.approve(0), authority_index=1)) == UNVERIFIED

    @pytest.mark.parametrize("signature", [b"", b"\xff" * 96, bytes(96), b"\xc0" + bytes(95)])
    def test_bytes_that_are_no_signature_do_not_hold(self, signature: bytes) -> None:
        assert self.why(msgspec.structs.replace(self.approve(0), signature=signature)) == UNVERIFIED

    @pytest.mark.parametrize("place", [0, 40, 95])
    def test_a_changed_signature_does_not_hold(self, place: int) -> None:
        changed = bytearray(self.approve(0).signature)
        changed[place] ^= 1
        lie = msgspec.structs.replace(self.approve(0), signature=bytes(changed))
        assert self.why(lie) == UNVERIFIED

    def test_the_order_of_arrival_does_not_matter(self) -> None:
        assert self.gathered(2, 0, 1) == self.gathered(0, 1, 2)
        assert self.gathered(2, 0).indices == (0, 2)

    def test_a_duplicate_changes_nothing(self) -> None:
        assert self.gathered(1, 0, 1, 0) == self.gathered(0, 1)

    @pytest.mark.parametrize("indices", [(0,), (1, 2), (0, 1, 2)])
    def test_an_aggregate_holds_for_exactly_its_signers(self, indices: tuple[int, ...]) -> None:
        aggregate = self.gathered(*indices)
        approvals.check_aggregate(aggregate, ROOT, SPEC.authorities, self.scheme)
        for claimed in ((0,), (1, 2), (0, 1, 2)):
            if claimed != indices:
                lie = msgspec.structs.replace(aggregate, indices=claimed)
                assert self.reason(lie) == UNVERIFIED_SUM

    def test_an_aggregate_for_another_block_does_not_verify(self) -> None:
        assert self.reason(self.gathered(0, 1), OTHER) == UNVERIFIED_SUM

    @pytest.mark.parametrize("indices", [(), (1, 0), (0, 0), (0, 1, 1)])
    def test_signers_are_listed_once_and_in_order(self, indices: tuple[int, ...]) -> None:
        lie = msgspec.structs.replace(self.gathered(0, 1), indices=indices)
        assert self.reason(lie) == "signers must be listed once, in ascending order"

    @pytest.mark.parametrize("indices", [(0, 3), (-1, 0)])
    def test_a_signer_that_is_none_is_refused(self, indices: tuple[int, ...]) -> None:
        lie = msgspec.structs.replace(self.gathered(0, 1), indices=indices)
        assert self.reason(lie) == "no such authority"

    def test_one_signature_counted_twice_is_not_two(self) -> None:
        twice = self.scheme.aggregate([self.approve(0).signature] * 2)
        lie = AggregateApproval(indices=(0, 1), signature=twice)
        assert self.reason(lie) == UNVERIFIED_SUM

    def test_nobody_never_verifies(self) -> None:
        for signature in (b"\xc0" + bytes(SIGNATURE_BYTES - 1), bytes(SIGNATURE_BYTES)):
            assert not self.scheme.verify_aggregate((), ROOT, signature)

    def test_malformed_keys_and_signatures_are_a_plain_no(self) -> None:
        good, key = self.approve(0).signature, SPEC.authorities[0]
        assert self.scheme.verify(key, ROOT, good)
        assert not self.scheme.verify(b"\x01" * 48, ROOT, good)
        assert not self.scheme.verify(key[:-1], ROOT, good)
        assert not self.scheme.verify(key, ROOT, good[:-1])

    def test_what_is_no_signature_is_not_added_up(self) -> None:
        with pytest.raises(ValueError, match=r"(?i)signature|length|size|G2"):
            self.scheme.aggregate([self.approve(0).signature, b"short"])
