"""Evidence of a change of the federation: what the old members signed, and nothing else, passes."""

from typing import Any

import pytest

from alys.chain import federation_update
from alys.chain.federation_update import BadUpdate, UpdateRule
from alys.chain.spec import dev_federation
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb
from tests.chain.chains import announcement, attested, evidence

OLD = dev_federation()
HEIGHT = 50


def rule_of(given: bytes) -> UpdateRule:
    with pytest.raises(BadUpdate) as caught:
        federation_update.read(given, OLD)
    assert caught.value.detail
    return caught.value.rule


def changed(**changes: Any) -> bytes:
    return evidence(announcement(HEIGHT, 1, 2, 4, **changes), 1, 2)


def test_what_the_threshold_of_old_members_signed_is_read() -> None:
    found = federation_update.read(changed(), OLD)
    assert found.effective_height == HEIGHT
    assert found.federation.keys == tuple(
        bitcoin.xonly_of(n.to_bytes(32, "big")) for n in (1, 2, 4)
    )
    assert found.federation.threshold == 2


def test_members_who_are_not_active_hold_no_key() -> None:
    update = announcement(HEIGHT, 1, 2, 4)
    retired = update.members.add(member_id="old", public_key=OLD.keys[2], weight=1)
    assert not retired.active
    assert len(federation_update.read(evidence(update, 1, 3), OLD).federation.keys) == 3


def test_equal_announcements_make_equal_evidence_whoever_signs_first() -> None:
    update = announcement(HEIGHT, 1, 2, 4)
    given = attested(update, 3, 2, 1)
    sealed = federation_update.seal(update, given, OLD)
    assert sealed == federation_update.seal(update, attested(update, 1, 2), OLD)
    assert federation_update.read(sealed, OLD).effective_height == HEIGHT


def test_too_few_signatures_make_no_evidence() -> None:
    update = announcement(HEIGHT, 1, 2, 4)
    with pytest.raises(BadUpdate) as caught:
        federation_update.seal(update, attested(update, 1, 4), OLD)
    assert caught.value.rule is UpdateRule.SIGNATURE


@pytest.mark.parametrize(
    "signers",
    [(1,), (1, 4), (2, 1), (1, 1), (1, 2, 3), (4, 5)],
    ids=["too few", "a stranger", "another order", "one twice", "too many", "only strangers"],
)
def test_exactly_the_threshold_in_order_signs(signers: tuple[int, ...]) -> None:
    update = announcement(HEIGHT, 1, 2, 4)
    signed = pb.FederationUpdate()
    signed.CopyFrom(update)
    signed.update_signature = b"".join(
        key + given for secret in signers for key, given in attested(update, secret).items()
    )
    assert rule_of(signed.SerializeToString(deterministic=True)) is UpdateRule.SIGNATURE


def test_a_signature_of_another_update_does_not_count() -> None:
    signed = pb.FederationUpdate.FromString(changed())
    signed.effective_height += 1
    assert rule_of(signed.SerializeToString(deterministic=True)) is UpdateRule.SIGNATURE


@pytest.mark.parametrize("raw", [b"", b"\x00" * 95, b"\x00" * 97])
def test_signatures_come_in_pairs(raw: bytes) -> None:
    update = announcement(HEIGHT, 1, 2, 4, update_signature=raw)
    assert rule_of(update.SerializeToString(deterministic=True)) is UpdateRule.SIGNATURE


def test_a_halt_is_no_change() -> None:
    assert rule_of(changed(update_type=pb.FEDERATION_UPDATE_TYPE_EMERGENCY_HALT)) is UpdateRule.KIND
    assert rule_of(changed(update_type=0)) is UpdateRule.KIND


@pytest.mark.parametrize("threshold", [1, 4])
def test_the_threshold_is_two_thirds_or_more_and_no_more_than_all(threshold: int) -> None:
    update = announcement(HEIGHT, 1, 2, 4, threshold=threshold)
    assert rule_of(evidence(update, 1, 2)) is UpdateRule.THRESHOLD


def test_members_make_a_federation() -> None:
    doubled = announcement(HEIGHT, 1, 2, 2)
    assert rule_of(evidence(doubled, 1, 2)) is UpdateRule.MEMBERS
    miscounted = announcement(HEIGHT, 1, 2, 4)
    miscounted.config.member_count = 4
    assert rule_of(evidence(miscounted, 1, 2)) is UpdateRule.MEMBERS
    nobody = announcement(HEIGHT, 1, 2, 4)
    for member in nobody.members:
        member.active = False
    nobody.config.member_count = 0
    assert rule_of(evidence(nobody, 1, 2)) is UpdateRule.MEMBERS


def test_the_same_federation_is_no_change() -> None:
    assert rule_of(evidence(announcement(HEIGHT, 1, 2, 3), 1, 2)) is UpdateRule.NO_CHANGE


def test_a_height_that_cannot_be_is_refused() -> None:
    assert rule_of(evidence(announcement(2**63, 1, 2, 4), 1, 2)) is UpdateRule.HEIGHT


def test_bytes_that_are_no_update_are_refused() -> None:
    assert rule_of(b"\xff") is UpdateRule.MALFORMED
    assert rule_of(bytes(federation_update.EVIDENCE_BYTES_MAX + 1)) is UpdateRule.MALFORMED


def test_evidence_has_one_encoding() -> None:
    sound = changed()
    twice = sound + pb.FederationUpdate(effective_height=HEIGHT).SerializeToString()
    assert rule_of(twice) is UpdateRule.NOT_CANONICAL
