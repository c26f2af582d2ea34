"""What is read of the binary form in which newer kubectl sends ``create job --from=cronjob/...``: the name, and the owner.

Kubernetes' messages are not compiled here. kubectl copies the Job's spec from the CronJob, which the stand-in has; so it takes it
from there as well, and what stands in the message beside that is not looked at.
"""

from typing import Any

from google.protobuf import empty_pb2
from google.protobuf.unknown_fields import UnknownFieldSet

from tests.kube.standin.errors import Refused

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"

# Numbers of fields: runtime.Unknown, batch/v1 Job, meta/v1 ObjectMeta and OwnerReference.
_RAW = 2
_METADATA = 1
_NAME, _ANNOTATIONS, _OWNERS = 1, 12, 13
_OWNER = {1: "kind", 3: "name", 4: "uid", 5: "apiVersion"}


def job(body: bytes) -> dict[str, Any]:
    """The Job's metadata, and who owns it."""
    if not body.startswith(_MAGIC):
        raise Refused(400, "BadRequest", "the body is no protobuf of Kubernetes")
    raw = _one(body.removeprefix(_MAGIC), _RAW)
    metadata = _one(raw, _METADATA)
    owners = [
        {_OWNER[number]: data.decode() for number, data in _fields(owner) if number in _OWNER}
        for number, owner in _fields(metadata)
        if number == _OWNERS
    ]
    entries = [dict(_fields(data)) for number, data in _fields(metadata) if number == _ANNOTATIONS]
    return {
        "metadata": {
            "name": _one(metadata, _NAME).decode(),
            "annotations": {entry[1].decode(): entry[2].decode() for entry in entries},
            "ownerReferences": [owner | {"controller": True} for owner in owners],
        }
    }


def _one(message: bytes, number: int) -> bytes:
    return next(data for each, data in _fields(message) if each == number)


def _fields(message: bytes) -> list[tuple[int, bytes]]:
    """Fields of text, bytes or messages, with their numbers."""
    parsed = empty_pb2.Empty()
    parsed.ParseFromString(message)
    found = UnknownFieldSet(parsed)  # its stub knows of no iterator, only of places
    every = [found[place] for place in range(len(found))]
    return [(each.field_number, each.data) for each in every if isinstance(each.data, bytes)]
