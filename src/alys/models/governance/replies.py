"""The envelope of everything that a governance node sends: whose it is, when it left, and what it answers."""

from collections.abc import Callable

from alys.wire.generated import governance_pb2 as pb


class Replies:
    """Makes answers; ``errors`` counts the error responses among them."""

    def __init__(self, node_id: str, now: Callable[[], float]) -> None:
        self.errors = 0
        self._node_id = node_id
        self._now = now

    def metadata(
        self,
        request_id: str,
        status: pb.StatusCode.ValueType = pb.STATUS_CODE_SUCCESS,
        message: str | None = None,
    ) -> pb.ResponseMetadata:
        """An answer carries the request's id: nothing else links the two."""
        return pb.ResponseMetadata(
            request_id=request_id,
            timestamp=int(self._now()),
            node_id=self._node_id,
            status=status,
            message=message,
        )

    def error(
        self,
        request: pb.StreamRequest,
        code: pb.ErrorCode.ValueType,
        message: str,
        *,
        retry_after_seconds: int | None = None,
    ) -> pb.StreamResponse:
        """What is wrong with a request, and whether the same request may do better later."""
        self.errors += 1
        error = pb.ErrorResponse(error_code=code, error_message=message)
        if retry_after_seconds is not None:
            error.retry_info.retry_after = retry_after_seconds
        limited = code == pb.ERROR_CODE_RATE_LIMITED
        status = pb.STATUS_CODE_RATE_LIMITED if limited else pb.STATUS_CODE_ERROR
        metadata = self.metadata(request.metadata.request_id, status, message)
        return pb.StreamResponse(metadata=metadata, error_response=error)
