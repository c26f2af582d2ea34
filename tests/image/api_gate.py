"""HTTPS in front of the stand-in for the API server, for pods in containers: who calls, and what the Roles of k8s/ let them do.

A token stands for a service account, as it does in a cluster. What its Roles do not grant is answered 403, so that a verb that is
missing from a manifest stops the pod which needs it.
"""

import asyncio
import json
import re
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import trustme
from aiohttp import web

Document = dict[str, Any]

_VERBS = {"GET": "get", "PUT": "update", "POST": "create", "PATCH": "patch", "DELETE": "delete"}
_PLACE = re.compile(r"/apis?/(?:([^/]+)/)?v1/namespaces/([^/]+)/([^/]+)(?:/([^/]+))?")
START_SECONDS = 30
PREFIX = "token-of-"


class Gate:
    """See the module's docstring; serves while ``opened`` is entered."""

    def __init__(
        self, standin: str, documents: list[Document], namespace: str, folder: Path
    ) -> None:
        self._standin = standin
        self._namespace = namespace
        self._folder = folder
        self._rules = _rules(documents)
        self._authority = trustme.CA()
        self._stop: asyncio.Event | None = None
        self.host = ""
        self.port = ""
        self.refused: list[str] = []
        """What was asked and not granted."""

    def credentials(self, account: str) -> Path:
        """The folder that the kubelet would mount."""
        folder = self._folder / account
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "token").write_text(_token(account))
        (folder / "namespace").write_text(self._namespace)
        self._authority.cert_pem.write_to_path(folder / "ca.crt")
        return folder

    @contextmanager
    def opened(self, host: str) -> Iterator["Gate"]:
        """Serve on one address of this machine, in a thread."""
        self.host = host
        up, loop = threading.Event(), asyncio.new_event_loop()
        thread = threading.Thread(target=lambda: loop.run_until_complete(self._serve(up)))
        thread.start()
        try:
            assert up.wait(START_SECONDS), "the gate did not open"
            yield self
        finally:
            if self._stop is not None:
                loop.call_soon_threadsafe(self._stop.set)
            thread.join(START_SECONDS)
            loop.close()

    async def _serve(self, up: threading.Event) -> None:
        self._stop = asyncio.Event()
        secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(self.host).configure_cert(secured)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, self.host, 0, ssl_context=secured).start()
        self.port = str(runner.addresses[0][1])
        async with aiohttp.ClientSession() as self._client:
            up.set()
            await self._stop.wait()
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        account = token.removeprefix(PREFIX)
        if scheme.lower() != "bearer" or account not in self._rules:
            return _status(401, "Unauthorized")
        right = _right(request.method, request.path)
        if not _granted(self._rules[account], right):
            self.refused.append(f"{account}: {' '.join(right)}")
            return _status(403, f"{account} cannot {' '.join(right)}")
        async with self._client.request(
            request.method,
            self._standin + request.path_qs,
            data=await request.read(),
            headers={"Content-Type": request.headers.get("Content-Type", "application/json")},
        ) as answer:
            body = await answer.read()
            return web.Response(status=answer.status, body=body, content_type="application/json")


def _token(account: str) -> str:
    return PREFIX + account


def _rules(documents: list[Document]) -> Mapping[str, list[Document]]:
    """The rules of every service account, by the RoleBindings."""
    roles = {one["metadata"]["name"]: one["rules"] for one in documents if one["kind"] == "Role"}
    found: dict[str, list[Document]] = {}
    for one in documents:
        if one["kind"] == "RoleBinding":
            for subject in one["subjects"]:
                found.setdefault(subject["name"], []).extend(roles[one["roleRef"]["name"]])
    return found


def _right(method: str, path: str) -> tuple[str, str, str, str]:
    place = _PLACE.fullmatch(path)
    group, _, resource, name = (
        place.groups(default="") if place is not None else ("?", "", path, "")
    )
    return ("list" if method == "GET" and not name else _VERBS[method]), group, resource, name


def _granted(rules: list[Document], right: tuple[str, str, str, str]) -> bool:
    verb, group, resource, name = right
    return any(
        verb in rule["verbs"]
        and group in rule["apiGroups"]
        and resource in rule["resources"]
        and ("resourceNames" not in rule or name in rule["resourceNames"])
        for rule in rules
    )


def _status(code: int, message: str) -> web.Response:
    said = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "message": message,
    }
    return web.Response(status=code, text=json.dumps(said), content_type="application/json")
