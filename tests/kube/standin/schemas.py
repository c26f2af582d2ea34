"""What a valid document is, by the schemas that Kubernetes publishes (the package kubernetes-validate carries them).

Three kinds of complaint, as the API server has them: a field that does not exist (400, strict decoding), a value of the wrong
type (400), a document that lacks something or breaks a rule between fields (422). The rules between fields are those that a
manifest of this project can break; the whole list of Kubernetes is longer.
"""

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate

from tests.kube.standin import rules
from tests.kube.standin.errors import Refused
from tests.kube.standin.resources import Resource

VERSION = "1.32.0"
_FOLDER = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"

Document = dict[str, Any]


@functools.cache
def definitions() -> dict[str, Any]:
    """All definitions of Kubernetes, by name."""
    path = _FOLDER / f"v{VERSION}-local-strict" / "_definitions.json"
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["$defs"]
    return read


@functools.cache
def _validator(definition: str) -> Any:
    schema = {"$ref": f"#/$defs/{definition}", "$defs": definitions()}
    return jsonschema.Draft202012Validator(schema)


def check(resource: Resource, document: Document) -> None:
    """Raise Refused, as the API server would with ``fieldValidation=Strict``."""
    label = f'{resource.kind} in version "{resource.version}"'
    unknown = [f'unknown field "{path}"' for path in unknown_fields(resource.definition, document)]
    if unknown:
        raise Refused(
            400,
            "BadRequest",
            f"{label} cannot be handled as a {resource.kind}: strict decoding error: {', '.join(unknown)}",
        )
    problems = sorted(
        _validator(resource.definition).iter_errors(document), key=lambda error: list(error.path)
    )
    missing = [error for error in problems if error.validator == "required"]
    mistyped = [error for error in problems if error.validator != "required"]
    if mistyped:
        first = mistyped[0]
        raise Refused(
            400,
            "BadRequest",
            f"{label} cannot be handled as a {resource.kind}: json: cannot use the value of {_path(first.path)}:"
            f" {first.message[:200]}",
        )
    causes = [f"{_path(error.path)}: Required value: {error.message}" for error in missing]
    causes = causes or list(rules.broken(resource, document))
    if causes:
        raise invalid(resource, document, causes)


def invalid(resource: Resource, document: Document, causes: list[str]) -> Refused:
    """422, as the API server words it."""
    name = document["metadata"].get("name", "")
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    said = causes[0] if len(causes) == 1 else f"[{', '.join(causes)}]"
    return Refused(422, "Invalid", f'{kind} "{name}" is invalid: {said}')


def unknown_fields(definition: str, value: object, path: str = "") -> Iterator[str]:
    """Each field that the definition does not have, with its path (``spec.template.spec.containers[0].imagee``)."""
    schema = definitions()[definition]
    yield from _unknown(schema, value, path)


def _unknown(schema: dict[str, Any], value: object, path: str) -> Iterator[str]:
    schema = resolved(schema)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(schema.get("items") or {}, item, f"{path}[{index}]")
    if not isinstance(value, dict):
        return
    properties = schema.get("properties") or {}
    others = schema.get("additionalProperties")
    for key, item in value.items():
        below = f"{path}.{key}" if path else key
        if key in properties:
            yield from _unknown(properties[key], item, below)
        elif isinstance(others, dict):
            yield from _unknown(others, item, below)
        elif others is False:
            yield below


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with its reference followed; what stands beside the reference goes along."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    return {**definitions()[reference.rpartition("/")[2]], **schema}


def _path(parts: Any) -> str:
    return re.sub(r"\.(\[)", r"\1", ".".join(f"[{p}]" if isinstance(p, int) else p for p in parts))
