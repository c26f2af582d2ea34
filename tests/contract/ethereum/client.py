"""An execution client by its URLs: what a caller without any library of its own sends and gets."""

import json
import time
import urllib.request
from typing import Any

import msgspec

from alys.wire.engine import jwt_token

TIMEOUT_SECONDS = 60


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one call: a result, or an error."""

    result: Any = None
    code: int | None = None
    message: str | None = None
    data: Any = None


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """Where a client is. ``engine_url`` has the Engine API."""

    name: str
    url: str
    engine_url: str
    jwt_secret: bytes

    def ask(self, method: str, params: Any = ()) -> Answer:
        """One public call, whatever the answer."""
        return _ask(self.url, method, params, {})

    def call(self, method: str, *params: Any) -> Any:
        """The result of a public call that must succeed."""
        return self._succeeded(method, self.ask(method, list(params)))

    def engine(self, method: str, *params: Any) -> Any:
        """The result of a call on the Engine port that must succeed."""
        token = jwt_token(self.jwt_secret, int(time.time()))  # noqa: TID251 - the node's clock is the wall's
        answer = _ask(self.engine_url, method, params, {"Authorization": f"Bearer {token}"})
        return self._succeeded(method, answer)

    def _succeeded(self, method: str, answer: Answer) -> Any:
        assert answer.code is None, f"{self.name}: {method}: {answer.message} {answer.data}"
        return answer.result


def _ask(url: str, method: str, params: Any, headers: dict[str, str]) -> Answer:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    told = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, body.encode(), told)
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as got:
        answer = json.loads(got.read())
    error = answer.get("error")
    if error is None:
        return Answer(result=answer["result"])
    return Answer(code=error["code"], message=error["message"], data=error.get("data"))
