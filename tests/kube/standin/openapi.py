"""As much OpenAPI as kubectl asks for: which kinds take ``fieldValidation``, so that it lets the server judge documents.

Without it kubectl would validate by itself, by a binary form of the old schema that is not served here.
"""

from tests.kube.standin import resources


def index() -> dict[str, object]:
    """``/openapi/v3``: where each group version is described."""
    places = ["api/v1", *(f"apis/{group}/{version}" for group, version in resources.groups())]
    return {"paths": {place: {"serverRelativeURL": f"/openapi/v3/{place}"} for place in places}}


def describe(group: str, version: str) -> dict[str, object]:
    """``/openapi/v3/apis/<group>/<version>``: the patch operation of each kind, and nothing else."""
    base = f"/apis/{group}/{version}" if group else f"/api/{version}"
    paths = {}
    for row in resources.RESOURCES:
        if (row.group, row.version) != (group, version):
            continue
        space = "/namespaces/{namespace}" if row.namespaced else ""
        kind = {"group": group, "version": version, "kind": row.kind}
        operation = {
            "operationId": f"patch{row.kind}",
            "parameters": [
                {"name": name, "in": "query", "schema": {"type": "string"}}
                for name in ("dryRun", "fieldManager", "fieldValidation")
            ],
            "responses": {"200": {"description": "OK"}},
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": kind,
        }
        paths[f"{base}{space}/{row.plural}/{{name}}"] = {"patch": operation}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "stand-in"},
        "paths": paths,
        "components": {"schemas": {}},
    }
