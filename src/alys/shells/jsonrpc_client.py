"""A JSON-RPC client over HTTP, for gateways and for scenarios: one connection pool, one identity."""

import itertools
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import aiohttp
import msgspec

from alys.node.errors import PortDown
from alys.shells import misbehaving
from alys.wire.engine import jwt_token
from alys.wire.jsonrpc import (
    MalformedAnswer,
    Params,
    decode_answer,
    decode_batch,
    encode_batch,
    encode_call,
)

TIMEOUT_SECONDS = 30.0


class Basic(msgspec.Struct, frozen=True, kw_only=True):
    """bitcoind's way: user and password."""

    user: str
    password: str


class Jwt(msgspec.Struct, frozen=True, kw_only=True):
    """The Engine API's way: a fresh HS256 token per call, from the shared 32-byte secret."""

    secret: bytes


class JsonRpcClient:
    """Calls one service at ``url``. ``timeout_seconds`` (wall) bounds each call. A ``witness`` is spared the service's faults."""

    def __init__(
        self,
        url: str,
        auth: Basic | Jwt | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        *,
        witness: bool = False,
    ) -> None:
        self.url = url
        self._auth = auth
        self._witness = witness
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._ids = itertools.count(1)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "JsonRpcClient":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def call(self, method: str, *params: Any) -> Any:
        """The result; raises RpcError for a refusal by the service, PortDown when it gave no JSON-RPC answer."""
        status, text = await self._post(encode_call(method, list(params), next(self._ids)))
        try:
            return decode_answer(text)
        except MalformedAnswer as error:
            raise self._no_answer(status, text) from error

    async def batch(self, calls: Sequence[tuple[str, Params]]) -> list[Any]:
        """Results in the order of the calls, in the place of a refusal its RpcError, of a missing answer MalformedAnswer.

        Raises PortDown when the batch as a whole got no answer.
        """
        first = next(self._ids)
        self._ids = itertools.count(first + len(calls))
        status, text = await self._post(encode_batch(calls, first))
        try:
            return decode_batch(text, first, len(calls))
        except MalformedAnswer as error:
            raise self._no_answer(status, text) from error

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        try:
            async with self._session.post(self.url, data=body, headers=self._headers()) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise PortDown(self.url, reason) from error

    def _no_answer(self, status: int, text: bytes) -> PortDown:
        return PortDown(self.url, f"HTTP {status}: {text[:80].decode(errors='replace')}")

    async def close(self) -> None:
        """End the connections; a later call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._witness:
            headers[misbehaving.WITNESS] = "1"
        if isinstance(self._auth, Basic):
            headers["Authorization"] = aiohttp.encode_basic_auth(
                self._auth.user, self._auth.password
            )
        elif isinstance(self._auth, Jwt):
            token = jwt_token(self._auth.secret, int(time.time()))
            headers["Authorization"] = f"Bearer {token}"
        return headers
