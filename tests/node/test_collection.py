"""Signatures are checked one by one, and every request ends once."""

from alys.base.prng import SeededRandom
from alys.chain.federation import Federation
from alys.models.governance.federation import Federation as ModelFederation
from alys.models.governance.signer import Signer
from alys.node.collection import Collections
from alys.node.messages import RequestSignatures, SignaturesCollected, SignaturesShort
from alys.wire.generated import governance_pb2 as pb
from tests.models.governance.builders import DEPOSIT_SATS, DEPOSIT_TXID, KEYS, SECRETS, payout

TX = payout()


def begun(attempt: int = 1) -> Collections:
    open_ones = Collections(Federation(keys=tuple(KEYS), threshold=2), 3)
    assert open_ones.begin(f"op/{attempt}", request(attempt)) == []
    return open_ones


def request(attempt: int) -> RequestSignatures:
    return RequestSignatures(
        operation="op",
        attempt=attempt,
        txid=TX.txid,
        tx=TX.serialize(witness=False),
        input_sats=(DEPOSIT_SATS,),
    )


def signed(member: int, *, wrong: bool = False) -> pb.SignatureResponse:
    signer = Signer(SECRETS[member], ModelFederation.of(KEYS, 2), SeededRandom(1))
    signer.learn_deposit(DEPOSIT_TXID, 0, DEPOSIT_SATS)
    spend = signer.judge(TX.serialize().hex(), [0], [DEPOSIT_SATS])
    return pb.SignatureResponse(
        status=pb.SIGNATURE_STATUS_PARTIAL,
        signatures=[
            pb.WitnessData(signature=one, public_key=signer.public_key)
            for one in signer.sign(spend, wrong=wrong)
        ],
    )


def test_the_threshold_of_sound_signatures_ends_it() -> None:
    open_ones = begun()
    assert open_ones.answered("op/1", 0, signed(0)) is None
    outcome = open_ones.answered("op/1", 2, signed(2))
    assert isinstance(outcome, SignaturesCollected)
    assert [key for key, _ in outcome.signatures] == [KEYS[0], KEYS[2]]
    assert open_ones.answered("op/1", 1, signed(1)) is None  # late


def test_a_wrong_signature_does_not_count_and_what_each_said_is_told() -> None:
    open_ones = begun()
    open_ones.away("op/1", 2, "gone")
    open_ones.answered("op/1", 0, signed(0, wrong=True))
    outcome = open_ones.answered("op/1", 1, signed(1))
    assert isinstance(outcome, SignaturesShort)
    assert (outcome.collected, outcome.needed) == (1, 2)
    assert "does not verify" in outcome.reasons[0]
    assert outcome.reasons[1:] == ("governance 2: signed", "governance 3: not connected (gone)")


def test_a_later_attempt_takes_the_place_of_an_earlier_one() -> None:
    open_ones = begun()
    assert open_ones.begin("op/2", request(2)) == ["op/1"]
    assert open_ones.ids() == ["op/2"]


def test_no_word_is_reported_as_no_answer() -> None:
    open_ones = begun()
    open_ones.note("op/1", 0, "busy")
    assert open_ones.short("op/1").reasons == (
        "governance 1: busy",
        "governance 2: no answer",
        "governance 3: no answer",
    )
