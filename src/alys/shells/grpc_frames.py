"""What a gRPC server makes of bytes that are no message of its proto: INVALID_ARGUMENT, on every call of every service.

Left alone, grpc answers UNKNOWN and logs a traceback as if the server were at fault.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

import grpc
from google.protobuf.message import DecodeError
from typing_extensions import override

WHAT = "the request is not a message of the proto"


class _HungUp(logging.Filter):
    """Keeps grpc from logging, as a fault of the server, that a caller was gone before its answer."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return type(error).__name__ != "ExecuteBatchError"


logging.getLogger("grpc._cython.cygrpc").addFilter(_HungUp())

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]


class MalformedRequest(Exception):
    """A frame that cannot be decoded came in; ``reason`` is the decoder's."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Malformed:
    """Stands for a request that could not be decoded: raised from the decoder, the error would be lost in grpc."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class MalformedFrames(grpc.aio.ServerInterceptor):
    """Wraps the decoder and the behaviour of every method."""

    @override
    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        handler = await continuation(handler_call_details)
        if handler is None or handler.request_deserializer is None:
            return handler
        return _wrapped(handler)


def _wrapped(handler: Any) -> "Handler":
    decode = _tolerant(handler.request_deserializer)
    if handler.unary_unary is not None:
        return grpc.unary_unary_rpc_method_handler(
            _unary(handler.unary_unary), decode, handler.response_serializer
        )
    if handler.stream_stream is not None:
        return grpc.stream_stream_rpc_method_handler(
            _stream(handler.stream_stream), decode, handler.response_serializer
        )
    return cast("Handler", handler)  # Watch of the health service: its one request is a name


def _tolerant(decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def decoded(frame: bytes) -> Any:
        try:
            return decode(frame)
        except DecodeError as error:
            return _Malformed(str(error))

    return decoded


def _unary(behaviour: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def checked(request: Any, context: Any) -> Any:
        if isinstance(request, _Malformed):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{WHAT}: {request.reason}")
        return await behaviour(request, context)

    return checked


def _stream(behaviour: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
    async def checked(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        try:
            async for response in behaviour(_sound(requests), context):
                yield response
        except MalformedRequest as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{WHAT}: {error.reason}")

    return checked


async def _sound(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        if isinstance(request, _Malformed):
            raise MalformedRequest(request.reason)
        yield request
