"""Approvals: real BLS signatures, their sum, and what does not count."""

import msgspec
import pytest

from alys.chain import approvals
from alys.chain.approvals import AggregateApproval, Approval, BadApproval, BlsScheme
from alys.chain.spec import DEV_SECRETS
from tests.chain.chains import SCHEME, SIGNERS, SPEC

ROOT = bytes(range(32))
OTHER = bytes(32)
G2_BYTES = 96


def approve(index: int, root: bytes = ROOT) -> Approval:
    return approvals.approve(SIGNERS[index], index, root)


def gathered(*indices: int) -> AggregateApproval:
    aggregate = None
    for index in indices:
        aggregate = approvals.merge(aggregate, approve(index), SCHEME)
    assert aggregate is not None
    return aggregate


def reason(aggregate: AggregateApproval, root: bytes = ROOT) -> str:
    with pytest.raises(BadApproval) as caught:
        approvals.check_aggregate(aggregate, root, SPEC.authorities, SCHEME)
    return caught.value.reason


def test_signatures_are_those_of_the_standard() -> None:
    """A vector of the Ethereum consensus layer's BLS tests: same curve, same suite, same bytes."""
    secret = bytes.fromhex("263dbd792f5b1be47ed85f8938c0f29586af0d3ac7b977f21c278fe1462040e3")
    assert BlsScheme().signer(secret).sign(bytes(32)).hex() == (
        "b6ed936746e01f8ecf281f020953fbf1f01debd5657c4a383940b020b26507f6076334f91e2366c96e9ab279fb515809"
        "0352ea1c5b0c9274504f4f0e7053af24802e51e4568d164fe986834f41e55c8e850ce1f98458c0cfc9ab380b55285a55"
    )


def test_signing_again_gives_the_same_bytes() -> None:
    assert SIGNERS[0].sign(ROOT) == BlsScheme().signer(DEV_SECRETS[0]).sign(ROOT)


def test_an_approval_of_a_listed_authority_holds() -> None:
    for index in range(3):
        approvals.check_approval(approve(index), ROOT, SPEC.authorities, SCHEME)


@pytest.mark.parametrize(
    ("approval", "why"),
    [
        (approve(0, OTHER), "it is for another block"),
        (msgspec.structs.replace(approve(0), authority_index=3), "no such authority"),
        (msgspec.structs.replace(approve(0), authority_index=-1), "no such authority"),
        (msgspec.structs.replace(approve(0), authority_index=1), "the signature does not verify"),
        (
            msgspec.structs.replace(approve(0), signature=approve(0, OTHER).signature),
            "the signature does not verify",
        ),
        (
            msgspec.structs.replace(approve(0), signature=b"\xff" * G2_BYTES),
            "the signature does not verify",
        ),
        (msgspec.structs.replace(approve(0), signature=b""), "the signature does not verify"),
    ],
)
def test_an_approval_that_does_not_hold_says_why(approval: Approval, why: str) -> None:
    with pytest.raises(BadApproval) as caught:
        approvals.check_approval(approval, ROOT, SPEC.authorities, SCHEME)
    assert caught.value.reason == why
    assert caught.value.indices == (approval.authority_index,)


def test_the_order_of_arrival_does_not_matter() -> None:
    assert gathered(2, 0, 1) == gathered(0, 1, 2)
    assert gathered(2, 0).indices == (0, 2)


def test_a_duplicate_changes_nothing() -> None:
    assert gathered(1, 0, 1, 0) == gathered(0, 1)


@pytest.mark.parametrize("indices", [(0,), (1, 2), (0, 1, 2)])
def test_an_aggregate_holds_for_exactly_its_signers(indices: tuple[int, ...]) -> None:
    aggregate = gathered(*indices)
    approvals.check_aggregate(aggregate, ROOT, SPEC.authorities, SCHEME)
    for claimed in ((0,), (1, 2), (0, 1, 2)):
        if claimed != indices:
            lie = msgspec.structs.replace(aggregate, indices=claimed)
            assert reason(lie) == "the aggregate signature does not verify"


def test_an_aggregate_for_another_block_does_not_verify() -> None:
    assert reason(gathered(0, 1), OTHER) == "the aggregate signature does not verify"


@pytest.mark.parametrize("indices", [(), (1, 0), (0, 0), (0, 1, 1)])
def test_signers_are_listed_once_and_in_order(indices: tuple[int, ...]) -> None:
    lie = msgspec.structs.replace(gathered(0, 1), indices=indices)
    assert reason(lie) == "signers must be listed once, in ascending order"


@pytest.mark.parametrize("indices", [(0, 3), (-1, 0)])
def test_a_signer_that_is_none_is_refused(indices: tuple[int, ...]) -> None:
    assert reason(msgspec.structs.replace(gathered(0, 1), indices=indices)) == "no such authority"


def test_one_signature_counted_twice_is_not_two() -> None:
    twice = SCHEME.aggregate([approve(0).signature] * 2)
    assert reason(AggregateApproval(indices=(0, 1), signature=twice)) == (
        "the aggregate signature does not verify"
    )


def test_nobody_never_verifies() -> None:
    assert not SCHEME.verify_aggregate((), ROOT, b"\xc0" + bytes(G2_BYTES - 1))


def test_malformed_keys_and_signatures_are_a_plain_no() -> None:
    good = approve(0).signature
    assert SCHEME.verify(SPEC.authorities[0], ROOT, good)
    assert not SCHEME.verify(b"\x01" * 48, ROOT, good)
    assert not SCHEME.verify(SPEC.authorities[0][:-1], ROOT, good)
    assert not SCHEME.verify(SPEC.authorities[0], ROOT, good[:-1])


def test_a_quorum_of_three_is_two() -> None:
    assert not approvals.has_quorum(None, 3)
    assert not approvals.has_quorum(gathered(1), 3)
    assert approvals.has_quorum(gathered(1, 2), 3)
    assert not approvals.has_quorum(gathered(1, 2), 4)
