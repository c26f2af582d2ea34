"""A stand-in for the Kubernetes API server, on loopback, good enough for the real kubectl and for our own client.

It serves discovery, objects of the kinds in ``resources``, watches, the log of pods, and small controllers (``controllers``), and
it is strict where the real one is: unknown fields, wrong types, what a kind requires, a missing namespace, what may not change.
A proof made against it says that the documents and the commands fit together. What it does not model, and a proof that needs
it must be made on a real server:

- who may do what (RBAC), admission (pod security, quotas, limit ranges), network policies: stored, never judged;
- containers: nothing runs; a pod does what the test wrote down (``Play``), at once;
- scheduling, nodes, volumes, images, Services' addresses and endpoints, events, metrics, finalizers, graceful deletion;
- CronJobs by the clock (``kubectl create job --from`` works), strategies of Deployments, Indexed Jobs, podFailurePolicy;
- server-side apply (refused with 415), server-side tables (``kubectl get`` prints names and ages only), TLS,
  protobuf (but for the Job that ``create job --from`` sends, see ``protobufs``), attach and exec, most defaults, quantities in canonical form, limits of watches and lists (``limit``, ``continue``).
"""

import asyncio
import contextlib
import copy
import dataclasses
import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml
from aiohttp import web

from tests.kube.standin import openapi, patches, protobufs, resources, selectors
from tests.kube.standin.controllers import CRON_JOBS, JOBS, PODS, Controllers
from tests.kube.standin.controllers import Play as Play
from tests.kube.standin.errors import Refused
from tests.kube.standin.resources import Resource
from tests.kube.standin.store import NAMESPACES, Store

Document = dict[str, Any]
T = TypeVar("T")

NAMESPACE_SECONDS = 0.3
"""How long a namespace stays Terminating once it is empty."""


@dataclasses.dataclass(frozen=True)
class _Refusal:
    verb: str
    status: int
    done: bool


@dataclasses.dataclass(frozen=True)
class Target:
    """What a path names."""

    row: Resource
    namespace: str
    name: str
    subresource: str


class StandIn:
    """The server in a thread of its own; a test speaks to it by HTTP, and by these methods."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._store = Store()
        self._controllers = Controllers(self._store)
        self._controllers.namespace_gone = self._remove_namespace_later
        self._refusals: list[_Refusal] = []
        self.requests: list[str] = []
        """Verb and path of every request, in order."""
        self.url = ""

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig file for this server."""
        return write_kubeconfig(path, self.url)

    # What a test may do

    def play(self, name: str, play: Play) -> None:
        """Say what the pods of a Deployment, Job, CronJob, or one pod do; those that run already follow."""

        def act() -> None:
            self._controllers.plays[name] = play
            self._store.run_controllers()
            self._store.wake()  # also those who follow a log

        self._inside(act)

    def now(self) -> datetime:
        """The stand-in's clock."""
        return datetime.fromisoformat(self._store.timestamp().replace("Z", "+00:00"))

    def pass_time(self, seconds: float) -> None:
        """Move the clock on: times to live run out."""

        def act() -> None:
            self._store.offset_s += seconds
            self._store.run_controllers()

        self._inside(act)

    def refuse_next(self, verb: str, status: int, times: int = 1, *, done: bool = False) -> None:
        """Answer the next requests with this verb by an error, 0 cuts the connection; ``done``: after doing as asked."""
        self._inside(lambda: self._refusals.extend([_Refusal(verb, status, done)] * times))

    def answer_again(self) -> None:
        """Forget the refusals that are left."""
        self._inside(self._refusals.clear)

    def objects(self, kind: str = "", namespace: str = "") -> list[str]:
        """What is stored, as ``Kind/name``, in order; what every namespace has by itself is left out."""
        own = ("ServiceAccount/default", "ConfigMap/kube-root-ca.crt", "Namespace/default")
        names = self._inside(
            lambda: [
                f"{row.kind}/{document['metadata']['name']}"
                for row, document in self._store.everything()
                if kind in ("", row.kind)
                and namespace in ("", document["metadata"].get("namespace"))
            ]
        )
        return sorted(name for name in names if name not in own)

    def get(self, kind: str, name: str, namespace: str = "") -> Document:
        """A copy of an object; Refused where there is none."""
        row = next(row for row in resources.RESOURCES if row.kind == kind)
        return copy.deepcopy(self._inside(lambda: self._store.get(row, namespace, name)))

    def _inside(self, act: Callable[[], T]) -> T:
        async def run() -> T:
            return act()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(timeout=30)

    # Running

    @contextlib.contextmanager
    def running(self) -> Iterator["StandIn"]:
        """Listen on a free port while inside."""
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        runner = self._await(self._start())
        try:
            yield self
        finally:
            self._await(self._stop(runner))
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(timeout=30)
            self._loop.close()

    def _await(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=30)

    async def _start(self) -> web.AppRunner:
        self._store.create(NAMESPACES, "", {"metadata": {"name": "default"}})
        application = web.Application(client_max_size=8 << 20)
        application.router.add_route("*", "/{path:.*}", self._answer)
        # Watches and followed logs never end by themselves: a closing server cuts them.
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return runner

    async def _stop(self, runner: web.AppRunner) -> None:
        await runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _remove_namespace_later(self, name: str) -> None:
        def act() -> None:
            self._controllers.namespace_removed(name)
            self._store.remove_namespace(name)
            self._store.run_controllers()

        self._loop.call_later(NAMESPACE_SECONDS, act)

    # Answering

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        try:
            for refusal in self._refusals:
                if refusal.verb == request.method:
                    self._refusals.remove(refusal)
                    if refusal.done:
                        await self._object(request, _target(request.path))
                    self._refuse(request, refusal.status)
            fixed = _fixed(request.path)
            if fixed is not None:
                return web.json_response(fixed)
            return await self._object(request, _target(request.path))
        except ConnectionResetError:  # who watched or followed has gone
            return web.Response()
        except Refused as refused:
            return web.json_response(refused.status(), status=refused.code)

    def _refuse(self, request: web.Request, status: int) -> None:
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
            raise ConnectionResetError
        raise Refused(status, "InternalError", "the test asked for this")

    async def _object(self, request: web.Request, target: Target) -> web.StreamResponse:
        if target.subresource == "log":
            return await self._log(request, target)
        if target.subresource not in ("", "status", "finalize"):
            raise Refused(405, "MethodNotAllowed", f"the stand-in has no {target.subresource}")
        if (
            request.method == "GET"
            and not target.name
            and request.query.get("watch") in ("1", "true")
        ):
            return await self._watch(request, target)
        if request.method == "GET":
            return web.json_response(self._read(request, target))
        body = await request.read()
        document, status = self._write(request, target, body)
        return web.json_response(document, status=status)

    def _read(self, request: web.Request, target: Target) -> Document:
        if target.name:
            return self._store.get(target.row, target.namespace, target.name)
        query = request.query
        items = self._store.select(
            target.row,
            target.namespace,
            query.get("labelSelector", ""),
            query.get("fieldSelector", ""),
        )
        return {
            "kind": f"{target.row.kind}List",
            "apiVersion": target.row.api_version,
            "metadata": {"resourceVersion": str(self._store.revision)},
            "items": items,
        }

    def _write(self, request: web.Request, target: Target, body: bytes) -> tuple[Document, int]:
        row, space, name = target.row, target.namespace, target.name
        dry = bool(request.query.get("dryRun"))
        match request.method:
            case "POST" if not name:
                document = self._sent(request, target, body)
                return self._store.create(row, space, document, dry=dry), 201
            case "PUT" if name:
                status = target.subresource == "status"
                document = _json(body)
                return self._store.update(row, space, name, document, status=status, dry=dry), 200
            case "PATCH" if name:
                return self._patch(request, target, body, dry=dry), 200
            case "DELETE" if name:
                options = _json(body) if body else {}
                how = options.get("propagationPolicy") or request.query.get("propagationPolicy")
                return self._store.delete(row, space, name, how or "Background", dry=dry), 200
            case "DELETE":
                for document in self._read(request, target)["items"]:
                    metadata = document["metadata"]
                    self._store.delete(
                        row, metadata.get("namespace", ""), metadata["name"], dry=dry
                    )
                return {"kind": "Status", "apiVersion": "v1", "status": "Success"}, 200
            case method:
                raise Refused(405, "MethodNotAllowed", f"{method} is not for {request.path}")

    def _sent(self, request: web.Request, target: Target, body: bytes) -> Document:
        if request.content_type != protobufs.CONTENT_TYPE:
            return _json(body)
        if target.row is not JOBS:
            raise Refused(415, "UnsupportedMediaType", "the stand-in takes no protobuf but of Jobs")
        document = protobufs.job(body)
        owner = document["metadata"]["ownerReferences"][0]["name"]
        spec = self._store.get(CRON_JOBS, target.namespace, owner)["spec"]["jobTemplate"]["spec"]
        return document | {"spec": spec}

    def _patch(self, request: web.Request, target: Target, body: bytes, *, dry: bool) -> Document:
        row, space, name = target.row, target.namespace, target.name
        before = self._store.get(row, space, name)
        match request.content_type:
            case "application/merge-patch+json":
                after = patches.merge(before, _json(body))
            case "application/strategic-merge-patch+json":
                after = patches.strategic(row.definition, before, _json(body))
            case "application/json-patch+json":
                after = patches.operations(before, json.loads(body))
            case other:
                raise Refused(415, "UnsupportedMediaType", f"the stand-in takes no {other}")
        status = target.subresource == "status"
        return self._store.update(row, space, name, after, status=status, dry=dry)

    async def _watch(self, request: web.Request, target: Target) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        query = request.query
        since = query.get("resourceVersion", "")
        initial = query.get("sendInitialEvents") == "true"
        seen = int(since or 0)
        if initial or seen == 0:
            seen = self._store.revision
            for document in self._read(request, target)["items"]:
                await _send(response, "ADDED", document)
        if initial:
            await _send(response, "BOOKMARK", self._bookmark(target))
        try:
            async with asyncio.timeout(float(query.get("timeoutSeconds", 1800))):
                while True:
                    changed = self._store.changed
                    for revision, row, change, document in self._store.log:
                        if (
                            revision > seen
                            and row is target.row
                            and _is_for(request, target, document)
                        ):
                            await _send(response, change, document)
                    seen = self._store.revision
                    if not changed.is_set():
                        await changed.wait()
        except TimeoutError:
            return response

    def _bookmark(self, target: Target) -> Document:
        metadata = {
            "resourceVersion": str(self._store.revision),
            "annotations": {"k8s.io/initial-events-end": "true"},
        }
        row = target.row
        return {"kind": row.kind, "apiVersion": row.api_version, "metadata": metadata}

    async def _log(self, request: web.Request, target: Target) -> web.StreamResponse:
        pod = self._store.get(PODS, target.namespace, target.name)
        if (pod.get("status") or {}).get("phase", "Pending") == "Pending":
            container = pod["spec"]["containers"][0]["name"]
            raise Refused(
                400,
                "BadRequest",
                f'container "{container}" in pod "{target.name}" is waiting to start: ContainerCreating',
            )
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        said = ""
        while True:
            changed = self._store.changed
            logs = self._controllers.play_of(pod).logs
            await response.write(logs[len(said) :].encode())
            said = logs
            if request.query.get("follow") != "true" or not self._runs(target):
                return response
            await changed.wait()

    def _runs(self, target: Target) -> bool:
        if not self._store.has(PODS, target.namespace, target.name):
            return False
        pod = self._store.get(PODS, target.namespace, target.name)
        return pod["status"].get("phase") not in ("Succeeded", "Failed")


def write_kubeconfig(path: Path, url: str) -> Path:
    """A kubeconfig file for a server that asks for no proof of who we are."""
    context = {"cluster": "stand-in", "user": "stand-in", "namespace": "default"}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "stand-in", "cluster": {"server": url}}],
        "users": [{"name": "stand-in", "user": {"token": "nobody-checks"}}],
        "contexts": [{"name": "stand-in", "context": context}],
        "current-context": "stand-in",
    }
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def _fixed(path: str) -> Document | None:
    """Discovery and health: the same whatever is stored."""
    parts = [part for part in path.split("/") if part]
    match parts:
        case ["version"]:
            version = {"major": "1", "minor": "32", "gitVersion": "v1.32.0-stand-in"}
            return version | {"platform": "none", "goVersion": "none"}
        case ["healthz" | "readyz" | "livez"]:
            return {"status": "ok"}
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"]}
        case ["apis"]:
            groups = [_group(*each) for each in resources.groups()]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["api", "v1"]:
            return resources.listing("", "v1")
        case ["apis", group, version] if (group, version) in resources.groups():
            return resources.listing(group, version)
        case ["openapi", "v3"]:
            return openapi.index()
        case ["openapi", "v3", "api", version]:
            return openapi.describe("", version)
        case ["openapi", "v3", "apis", group, version]:
            return openapi.describe(group, version)
        case _:
            return None


def _group(group: str, version: str) -> Document:
    place = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [place], "preferredVersion": place}


def _target(path: str) -> Target:
    """What the path of an object or a collection names; Refused (404) where that is nothing."""
    parts = [part for part in path.split("/") if part]
    core = parts[:1] == ["api"]
    group, version = (
        ("", parts[1]) if core and len(parts) > 1 else ("".join(parts[1:2]), "".join(parts[2:3]))
    )
    rest = parts[2:] if core else parts[3:]
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    row = resources.find(group, version, rest[0]) if rest else None
    if row is None or len(rest) > 3:
        raise Refused(404, "NotFound", "the server could not find the requested resource")
    name, subresource = [*rest[1:], "", ""][:2]
    return Target(row, namespace, name, subresource)


def _is_for(request: web.Request, target: Target, document: Document) -> bool:
    space = document["metadata"].get("namespace", "")
    labels = request.query.get("labelSelector", "")
    fields = request.query.get("fieldSelector", "")
    inside = not target.namespace or space == target.namespace
    return inside and selectors.matches(document, labels, fields)


async def _send(response: web.StreamResponse, change: str, document: Document) -> None:
    await response.write(json.dumps({"type": change, "object": document}).encode() + b"\n")


def _json(body: bytes) -> Document:
    try:
        read = json.loads(body)
    except ValueError as error:
        raise Refused(400, "BadRequest", f"the body is no JSON: {error}") from error
    if not isinstance(read, dict):
        raise Refused(400, "BadRequest", "the body is no object")
    return read
