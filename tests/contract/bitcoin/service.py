"""A Bitcoin node by its URL: what a client without any library of its own sends and gets."""

import base64
import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tests.contract.comparison import Number

TIMEOUT_SECONDS = 60


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one call: a result, or an error's code and message."""

    status: int
    result: Any = None
    code: int | None = None
    message: str | None = None


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """Where a node is, and who may call it."""

    name: str
    url: str
    user: str
    password: str

    @property
    def basic(self) -> str:
        """The header of basic authentication."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def post(
        self,
        body: bytes,
        path: str = "/",
        *,
        verb: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request; the header of authentication goes along unless ``headers`` are given."""
        place = urlsplit(self.url)
        assert place.hostname is not None, self.url
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=TIMEOUT_SECONDS)
        sent = {"Authorization": self.basic} if headers is None else dict(headers)
        try:
            connection.request(verb, path, body, {"Content-Type": "application/json", **sent})
            got = connection.getresponse()
            told = {name.lower(): value for name, value in got.getheaders()}
            return Reply(status=got.status, headers=told, body=got.read())
        finally:
            connection.close()

    def ask(self, method: str, params: Any = (), wallet: str | None = None) -> Answer:
        """One call of version 1.0, whose HTTP status tells of errors."""
        call = {"jsonrpc": "1.0", "id": "t", "method": method, "params": params}
        path = "/" if wallet is None else f"/wallet/{wallet}"
        reply = self.post(json.dumps(call).encode(), path)
        body = json.loads(reply.body, parse_float=Number)
        assert sorted(body) == ["error", "id", "result"], body
        if body["error"] is not None:
            told = body["error"]
            return Answer(status=reply.status, code=told["code"], message=told["message"])
        return Answer(status=reply.status, result=body["result"])

    def call(self, method: str, *params: Any, wallet: str | None = None) -> Any:
        """The result of a call that must succeed."""
        answer = self.ask(method, list(params), wallet)
        assert answer.code is None, f"{self.name}: {method}: {answer.message}"
        return answer.result
