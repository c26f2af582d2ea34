"""HTTPS in front of the stand-in for the API server, for pods in containers: who calls, and what the Roles of k8s/ let them do.

A token stands for a service account, as it does in a cluster, and is made anew for each gate. What the account's Roles do not grant
in their namespace is answered 403, so that a verb that is missing from a manifest stops the pod which needs it.
"""

import asyncio
import json
import re
import secrets
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


class Gate:
    """See the module's docstring; serves while ``opened`` is entered."""

    def __init__(
        self, standin: str, documents: list[Document], namespace: str, folder: Path
    ) -> None:
        self._standin = standin
        self._namespace = namespace
        self._folder = folder
        self._rules = _rules(documents, namespace)
        self._tokens: dict[str, str] = {}
        self._authority = trustme.CA()
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.host = ""
        self.port = ""
        self.refused: list[str] = []
        """What was asked and not granted."""

    def credentials(self, account: str) -> Path:
        """The folder that the kubelet would mount; the same each time."""
        folder = self._folder / account
        folder.mkdir(parents=True, exist_ok=True)
        known = {owner: token for token, owner in self._tokens.items()}
        token = known.get(account) or secrets.token_urlsafe(24)
        self._tokens[token] = account
        (folder / "token").write_text(token)
        (folder / "namespace").write_text(self._namespace)
        self._authority.cert_pem.write_to_path(folder / "ca.crt")
        return folder

    @contextmanager
    def opened(self, host: str) -> Iterator["Gate"]:
        """Serve on one address of this machine, in a thread."""
        self.host = host
        up = threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(self._serve(up)))
        thread.start()
        try:
            assert up.wait(START_SECONDS), "the gate did not open"
            yield self
        finally:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._stop.set)
            thread.join(START_SECONDS)

    async def _serve(self, up: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
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
        # A client that keeps its connection does not answer the goodbye of TLS: nobody waits for it.
        assert runner.server is not None
        open_ones = [one.transport for one in runner.server.connections]
        await runner.cleanup()
        for transport in open_ones:
            if transport is not None:
                transport.abort()  # closed in the next turn of the loop, which asyncio.run still makes

    async def _answer(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        account = self._tokens.get(token, "") if scheme.lower() == "bearer" else ""
        if not account:
            self.refused.append(f"nobody: {request.method} {request.path}")
            return _status(401, "Unauthorized")
        space, right = _right(request.method, request.path)
        if space != self._namespace or not _granted(self._rules.get(account, []), right):
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


def _rules(documents: list[Document], namespace: str) -> Mapping[str, list[Document]]:
    """The rules of every service account of the namespace, by the RoleBindings."""
    roles = {one["metadata"]["name"]: one["rules"] for one in documents if one["kind"] == "Role"}
    found: dict[str, list[Document]] = {}
    for one in documents:
        if one["kind"] == "RoleBinding":
            for subject in one["subjects"]:
                assert (subject["kind"], subject["namespace"]) == ("ServiceAccount", namespace)
                found.setdefault(subject["name"], []).extend(roles[one["roleRef"]["name"]])
    return found


def _right(method: str, path: str) -> tuple[str, tuple[str, str, str, str]]:
    """The namespace, and verb, group, resource and name of what is asked."""
    place = _PLACE.fullmatch(path)
    group, space, resource, name = (
        place.groups(default="") if place is not None else ("?", "", path, "")
    )
    verb = "list" if method == "GET" and not name else _VERBS.get(method, method)
    return space, (verb, group, resource, name)


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
