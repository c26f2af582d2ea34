"""The patches that kubectl sends: JSON merge (RFC 7386), JSON (RFC 6902), and Kubernetes' strategic merge.

Strategic merge asks the schema of each list whether its items are merged, and by which field. ``$patch: delete``,
``$setElementOrder`` and ``$deleteFromPrimitiveList`` are understood, ``$retainKeys`` too; ``$patch: replace`` as well.
"""

import copy
from typing import Any

from tests.kube.standin import schemas
from tests.kube.standin.errors import Refused

Document = dict[str, Any]


def merge(target: object, patch: object) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def operations(target: Document, patch: list[Document]) -> Document:
    """RFC 6902: add, remove, replace, test."""
    document: Any = copy.deepcopy(target)
    for step in patch:
        *parents, last = [
            part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]
        ]
        place = document
        try:
            for part in parents:
                place = place[int(part)] if isinstance(place, list) else place[part]
            _operate(place, last, step)
        except (KeyError, IndexError, ValueError) as error:
            raise Refused(422, "Invalid", f"the server rejected our request: {error}") from error
    return document  # type: ignore[no-any-return]


def _operate(place: Any, last: str, step: Document) -> None:
    at: Any = last
    if isinstance(place, list) and last != "-":
        at = int(last)
    match step["op"]:
        case "add" if isinstance(place, list):
            place.insert(len(place) if last == "-" else at, step["value"])
        case "add":
            place[at] = step["value"]
        case "replace":
            place[at]  # must be there
            place[at] = step["value"]
        case "remove":
            del place[at]
        case "test":
            if place[at] != step["value"]:
                raise ValueError(f"test failed at {step['path']}")
        case other:
            raise Refused(400, "BadRequest", f"the stand-in knows no JSON patch operation {other}")


def strategic(definition: str, target: Document, patch: Document) -> Document:
    """Kubernetes' own, by the schema of the kind."""
    merged = _strategic(schemas.definitions()[definition], target, patch)
    assert isinstance(merged, dict)
    return merged


def _strategic(schema: Document, target: Any, patch: Document) -> Any:
    schema = schemas.resolved(schema)
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    merged = dict(target) if isinstance(target, dict) else {}
    for key in [
        key for key in merged if "$retainKeys" in patch and key not in patch["$retainKeys"]
    ]:
        del merged[key]
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        below = (schema.get("properties") or {}).get(key) or {}
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = _strategic(below, merged.get(key), value)
        elif isinstance(value, list):
            merged[key] = _list(below, merged.get(key) or [], value)
        else:
            merged[key] = value
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            name = key.partition("/")[2]
            merged[name] = [item for item in merged.get(name) or [] if item not in value]
    return _ordered(schema, merged, patch)


def _list(schema: Document, target: list[Any], patch: list[Any]) -> list[Any]:
    schema = schemas.resolved(schema)
    if not str(schema.get("x-kubernetes-patch-strategy", "")).startswith("merge"):
        return copy.deepcopy(patch)
    key = schema.get("x-kubernetes-patch-merge-key")
    if key is None:
        return [*target, *(item for item in patch if item not in target)]
    if any(item == {"$patch": "replace"} for item in patch):
        return [item for item in patch if item != {"$patch": "replace"}]
    items = {item[key]: item for item in target}
    for change in patch:
        if change.get("$patch") == "delete":
            items.pop(change[key], None)
        else:
            items[change[key]] = _strategic(schema["items"], items.get(change[key]), change)
    return list(items.values())


def _ordered(schema: Document, merged: Document, patch: Document) -> Document:
    """Lists in the order that the patch names (``$setElementOrder/<list>``)."""
    for directive, order in patch.items():
        if not directive.startswith("$setElementOrder/"):
            continue
        name = directive.partition("/")[2]
        key = schemas.resolved((schema.get("properties") or {}).get(name) or {}).get(
            "x-kubernetes-patch-merge-key"
        )
        places = {item[key] if key else item: at for at, item in enumerate(order)}
        if merged.get(name):
            merged[name] = sorted(
                merged[name],
                key=lambda item: places.get(item[key] if key else item, len(places)),
            )
    return merged
