"""The door to the API server: where it is, who we are there, and what its answers mean.

Requests are plain JSON documents over the client library's transport, which brings TLS, kubeconfig files and the renewal of
a pod's token (projected tokens are replaced on disk before they expire; the library reads the file again every
minute). Its models are left out on purpose: they drop fields they do not know, and a Lease or a Secret that is written
back must keep what others put there.

Every request has a timeout. One that a broken connection, a throttled (429) or a failing server (5xx) ended is repeated
where that does no harm: reading always, writing only where the document carries its ``resourceVersion`` or the write
says the same thing twice. The caller of a repeated write must take 409 for "it may have been me".
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes.client
import kubernetes.config
import urllib3
import yaml
from kubernetes.config.incluster_config import InClusterConfigLoader

from alys.base import errors
from alys.kube import clock

Document = dict[str, Any]
"""A JSON object as the API server sends and takes it."""

POD_CREDENTIALS = Path("/var/run/secrets/kubernetes.io/serviceaccount")
REQUEST_SECONDS = 10.0
ATTEMPTS_MAX = 4
PAUSE_SECONDS = 0.5
"""Before the first repetition; each further one waits twice as long."""
PAUSE_SECONDS_MAX = 8.0
"""Also where the server asks for more in Retry-After: the caller's own deadline must have a chance."""

LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"
SECRETS = "/api/v1/namespaces/{}/secrets"
JOBS = "/apis/batch/v1/namespaces/{}/jobs"

MERGE_PATCH = "application/merge-patch+json"
_JSON = "application/json"


class ClusterFailure(errors.EnvironmentFailure):
    """The API server did not do what was asked. ``status`` is its HTTP status, 0 where there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class NotFound(ClusterFailure):
    """There is no such object, or no such namespace (404)."""


class Conflict(ClusterFailure):
    """The object exists already, or changed since it was read (409)."""


class Unreachable(ClusterFailure):
    """No answer, or one that says "later" (429, 5xx), each time it was tried."""


class Cluster:
    """One namespace of one API server. Not for several threads at once."""

    def __init__(self, api: Any, namespace: str, ticks: clock.Clock) -> None:
        self._api = api
        self.namespace = namespace
        self.clock = ticks

    def get(
        self,
        collection: str,
        name: str = "",
        *,
        timeout_s: float = REQUEST_SECONDS,
        attempts: int = ATTEMPTS_MAX,
    ) -> Document:
        """Read one object, or the whole collection. Raises ClusterFailure, NotFound where it is not there."""
        return self._ask("GET", collection, name, None, timeout_s, attempts)

    def create(self, collection: str, document: Document) -> Document:
        """Make an object. Raises Conflict where it exists; never repeated, since a repetition would."""
        return self._ask("POST", collection, "", document, REQUEST_SECONDS, attempts=1)

    def replace(
        self, collection: str, document: Document, *, timeout_s: float = REQUEST_SECONDS
    ) -> Document:
        """Write an object back. Raises Conflict where it changed since; never repeated: the caller reads first."""
        name = document["metadata"]["name"]
        return self._ask("PUT", collection, name, document, timeout_s, attempts=1)

    def patch(self, collection: str, name: str, change: Document) -> Document:
        """Merge a change (RFC 7386) into an object. Saying it twice must mean the same: it is repeated."""
        return self._ask("PATCH", collection, name, change, REQUEST_SECONDS, attempts=ATTEMPTS_MAX)

    def _ask(
        self,
        verb: str,
        collection: str,
        name: str,
        body: Document | None,
        timeout_s: float,
        attempts: int,
    ) -> Document:
        path = collection.format(self.namespace) + (f"/{name}" if name else "")
        pause_s = PAUSE_SECONDS
        for attempt in range(1, attempts + 1):
            try:
                return self._once(verb, path, body, timeout_s)
            except Unreachable:
                if attempt == attempts:
                    raise
            self.clock.wait(pause_s)
            pause_s = min(2 * pause_s, PAUSE_SECONDS_MAX)
        raise errors.AlysBug("no attempt was made")

    def _once(self, verb: str, path: str, body: Document | None, timeout_s: float) -> Document:
        headers = {"Accept": _JSON, "Content-Type": MERGE_PATCH if verb == "PATCH" else _JSON}
        prepared = self._api.param_serialize(
            verb, path, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        try:
            answer = self._api.call_api(*prepared, _request_timeout=timeout_s)
            text = answer.read()
        except kubernetes.client.ApiException as error:
            # Only failures of TLS arrive this way; an answer never does.
            raise Unreachable(f"{self._place(verb, path)}: {_one_line(error.reason)}") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(f"{self._place(verb, path)}: {_one_line(error)}") from error
        if 200 <= answer.status < 300:
            return _object(text, self._place(verb, path))
        raise _failure(answer.status, text, self._place(verb, path))

    def _place(self, verb: str, path: str) -> str:
        return f"the API server at {self._api.configuration.host} did not answer {verb} {path}"


def connect(
    environment: Mapping[str, str],
    *,
    namespace: str = "",
    ticks: clock.Clock,
    credentials: Path = POD_CREDENTIALS,
) -> Cluster:
    """In a pod by its service account, elsewhere by the file that KUBECONFIG names; nothing is sent yet.

    ``namespace`` goes before the pod's own or the context's. Raises EnvironmentFailure where there is neither, and where
    what there is cannot be used.
    """
    configuration = kubernetes.client.Configuration()
    configuration.retries = False  # what is repeated, and how often, is decided here
    if environment.get("KUBERNETES_SERVICE_HOST"):
        found = _as_pod(configuration, environment, credentials)
    elif environment.get("KUBECONFIG"):
        found = _by_file(configuration, environment["KUBECONFIG"])
    else:
        raise errors.EnvironmentFailure(
            "no cluster: neither is this a pod (KUBERNETES_SERVICE_HOST is not set) nor does KUBECONFIG name a file;"
            " set KUBECONFIG=~/.kube/config, or wherever yours is"
        )
    api = kubernetes.client.ApiClient(configuration)
    return Cluster(api, namespace or found or "default", ticks)


def _as_pod(configuration: Any, environment: Mapping[str, str], credentials: Path) -> str:
    """Use the service account's token, and read it anew while it is renewed; its namespace."""
    try:
        InClusterConfigLoader(
            token_filename=str(credentials / "token"),
            cert_filename=str(credentials / "ca.crt"),
            environ=environment,
        ).load_and_set(configuration)
        return (credentials / "namespace").read_text(encoding="utf-8").strip()
    except (kubernetes.config.ConfigException, OSError) as error:
        raise errors.EnvironmentFailure(
            f"this pod cannot speak to its API server: {_one_line(error)}; it needs a service account whose token is"
            f" mounted at {credentials} (automountServiceAccountToken: true)"
        ) from error


def _by_file(configuration: Any, path: str) -> str:
    """Use the file's current context; its namespace, or nothing where it names none."""
    try:
        kubernetes.config.load_kube_config(
            config_file=path, client_configuration=configuration, persist_config=False
        )
        _, current = kubernetes.config.list_kube_config_contexts(config_file=path)
        return str(current["context"].get("namespace") or "")
    except (kubernetes.config.ConfigException, OSError, yaml.YAMLError, TypeError) as error:
        raise errors.EnvironmentFailure(
            f"KUBECONFIG={path} cannot be used: {_one_line(error)}"
        ) from error


def _object(text: bytes, place: str) -> Document:
    try:
        read = json.loads(text)
    except ValueError as error:
        raise ClusterFailure(f"{place} with JSON; is something else on that port?") from error
    if not isinstance(read, dict):
        raise ClusterFailure(f"{place} with an object")
    return read


def _failure(status: int, text: bytes, place: str) -> ClusterFailure:
    """The error that an answer stands for, in the server's own words (a ``Status`` object has them)."""
    try:
        said = str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        said = text.decode(errors="replace")
    message = f"{place} as asked (HTTP {status}): {_one_line(said)[:500]}"
    if status == 404:
        return NotFound(message, status)
    if status == 409:
        return Conflict(message, status)
    if status == 429 or status >= 500:
        return Unreachable(message, status)
    if status in (401, 403):
        message += "; k8s/namespace.yaml and k8s/test-deployment.yaml grant what is needed"
    return ClusterFailure(message, status)


def _one_line(said: object) -> str:
    return " ".join(str(said).split())
