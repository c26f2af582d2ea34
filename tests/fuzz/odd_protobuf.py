"""Protobuf messages with odd values in their fields, found by reflection, and bytes that are no message."""

from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from alys.base.prng import SeededRandom
from tests.fuzz import odd

M = TypeVar("M", bound=Message)

_BOUNDS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_FLOATS = (0.0, -1.0, float("nan"), float("inf"), -float("inf"), 3e38)
_ENUMS = (-1, 0, 1, 2, 3, 4, 5, 6, 99, 2**31 - 1, -(2**31))


def changed(random: SeededRandom, good: M, depth: int = 0) -> M:
    """A copy of a message with one field changed, set or cleared somewhere in it."""
    made = type(good)()
    made.CopyFrom(good)
    fields = [field for field, _ in made.ListFields()]
    messages = [field for field in fields if _is_single_message(field)]
    if messages and random.below(4):
        inner = getattr(made, random.choice(messages).name)
        inner.CopyFrom(changed(random, inner, depth + 1))
        return made
    field = random.choice(fields) if fields and random.below(3) else random.choice(_all(made))
    made.ClearField(field.name)
    if random.below(6):
        _fill(random, made, field, depth)
    return made


def _all(message: Message) -> list[FieldDescriptor]:
    fields: Any = message.DESCRIPTOR.fields
    return list(fields)


def _is_single_message(field: FieldDescriptor) -> bool:
    return field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE and not field.is_repeated


def _fill(random: SeededRandom, message: Message, field: FieldDescriptor, depth: int) -> None:
    """Give a field some value; of messages in messages not without end."""
    target = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        for inner in [target] if not field.is_repeated else [target.add() for _ in range(2)]:
            inner.SetInParent()
            if depth < 3:
                inner.CopyFrom(changed(random, inner, depth + 1))
    elif field.is_repeated:
        target.extend(_scalar(random, field) for _ in range(random.choice((0, 1, 2, 30))))
    else:
        setattr(message, field.name, _scalar(random, field))


def _scalar(random: SeededRandom, field: FieldDescriptor) -> Any:
    kind = field.cpp_type
    if kind in _BOUNDS:
        least, most = _BOUNDS[kind]
        return random.choice((least, most, 0, 1, least + 1, most - 1, random.below(1 << 20)))
    if kind == FieldDescriptor.CPPTYPE_STRING:
        if field.type == FieldDescriptor.TYPE_BYTES:
            return random.randbytes(random.choice((0, 1, 32, 33, 64, 65, 5_000)))
        return odd.text(random)
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return random.choice(_ENUMS)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return random.below(2) == 0
    return random.choice(_FLOATS)


def bytes_of(random: SeededRandom, good: Message) -> bytes:
    """What a peer may send in a frame: a changed message, or changed bytes of a good one, which may be none."""
    if random.below(2):
        return changed(random, good).SerializeToString()
    return odd.bytes_changed(random, good.SerializeToString())
