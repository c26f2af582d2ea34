"""What the node says to governance, word by word."""

from alys.base.units import Sats
from alys.chain.peg import Deposit
from alys.chain.spec import dev_federation
from alys.node import stream_requests as say
from alys.node.messages import NotifyPegin, ReportStatus, RequestSignatures
from alys.node.stream_figures import FIGURES
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb
from tests.chain.offers import SWEEPING

NOW = 1_000.7


def made(name: str = "x") -> pb.StreamRequest:
    return say.request("alys", name, NOW)


def test_every_request_says_who_and_when() -> None:
    metadata = made("some id").metadata
    assert (metadata.request_id, metadata.timestamp, metadata.node_id) == ("some id", 1_000, "alys")
    assert (metadata.protocol_version, metadata.priority) == ("v1.0.0", pb.REQUEST_PRIORITY_NORMAL)


def test_a_sweep_is_asked_for_as_a_change_of_the_federation() -> None:
    raw = SWEEPING.block.sweep_proposal
    assert raw is not None
    inputs = len(bitcoin.parse_tx(raw).inputs)
    asked = {}
    for sweep in (False, True):
        request = made()
        message = RequestSignatures(
            operation="o", attempt=1, txid="t", tx=raw, input_sats=(5,) * inputs, sweep=sweep
        )
        say.signatures(request, message, dev_federation())
        asked[sweep] = request.signature_request
        assert request.metadata.priority == pb.REQUEST_PRIORITY_HIGH
    assert asked[False].tx_type == pb.TRANSACTION_TYPE_PEGOUT
    assert asked[True].tx_type == pb.TRANSACTION_TYPE_FEDERATION_CHANGE
    assert list(asked[True].input_indices) == list(range(inputs))
    assert asked[True].required_signatures == 2


def test_a_notice_names_the_script_that_was_paid() -> None:
    deposit = Deposit(txid="ab" * 32, vout=1, sats=Sats(5), evm_address=bytes(20), script=b"\x51")
    request = made()
    say.pegin(request, NotifyPegin(deposit=deposit, confirmations=6))
    assert request.pegin_notification.extra_data == b"\x51"
    assert request.pegin_notification.vout == 1


def test_a_status_says_whether_blocks_are_made() -> None:
    for state, expected in (("active", "ACTIVE"), ("halted", "DEGRADED"), ("paused", "DEGRADED")):
        request = made()
        say.status(request, ReportStatus(height=4, finalised_height=0, state=state), 2)
        told = request.status_update
        assert told.status == pb.NodeStatus.Value(f"NODE_STATUS_{expected}")
        assert (told.block_height, told.connection_count) == (4, 2)


def test_what_must_be_heard_lives_longer_in_a_buffer() -> None:
    beat, notice = made(), made()
    say.beat(beat, 3, NOW)
    notice.pegin_notification.amount = 1
    frames = [say.framed(one, NOW, FIGURES) for one in (beat, notice)]
    assert [one.expires_at - NOW for one in frames] == [300.0, 3_600.0]
    assert [one.answered for one in frames] == [True, False]


def test_a_registration_shows_the_token() -> None:
    request = made()
    say.register(request, "secret")
    assert request.node_registration.auth.credential_data == b"secret"
    bare = made()
    say.register(bare, None)
    assert not bare.node_registration.HasField("auth")


def test_deposits_are_found_among_ids() -> None:
    assert say.outpoints(["status:1", "pegin:ab:0", "x"]) == ("ab:0",)
