"""What every answer carries."""

from alys.models.governance.replies import Replies
from alys.wire.generated import governance_pb2 as pb


def test_an_error_bears_the_requests_id_and_is_counted() -> None:
    replies = Replies("governance-1", lambda: 12.9)
    request = pb.StreamRequest(metadata=pb.RequestMetadata(request_id="r1"))
    answer = replies.error(request, pb.ERROR_CODE_INVALID_REQUEST, "why")
    assert answer.metadata == pb.ResponseMetadata(
        request_id="r1",
        timestamp=12,
        node_id="governance-1",
        status=pb.STATUS_CODE_ERROR,
        message="why",
    )
    assert not answer.error_response.HasField("retry_info")
    assert replies.errors == 1


def test_what_may_do_better_later_says_when() -> None:
    replies = Replies("governance-1", lambda: 0.0)
    code = pb.ERROR_CODE_RATE_LIMITED
    answer = replies.error(pb.StreamRequest(), code, "why", retry_after_seconds=3)
    assert answer.metadata.status == pb.STATUS_CODE_RATE_LIMITED
    assert answer.error_response.retry_info.retry_after == 3
