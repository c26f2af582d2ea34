"""A persistent Merkle Patricia trie, so that a block pays for what it touched and not for all that there is.

Theory of operation. The specification builds the whole trie anew for each root: 80 ms for a thousand accounts. Here nodes
are never changed: ``put`` and ``drop`` copy the path from the root to the leaf and share the rest, so each block keeps
its own root and neighbours share nearly everything. A node remembers its own reference (its RLP when that is below 32
bytes, else the Keccak of it; yellow paper, appendix D) once asked. A leaf may carry what its value encodes, so the trie is
also the map that a state is read from: there is no second copy of it to be kept or copied. No key may be the prefix of
another, so a branch never carries a value; keys that are hashes have equal length, and list indices in RLP say theirs.
The tests compare with the specification's ``trie.root``.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from ethereum.crypto.hash import keccak256

_NIBBLES = bytes.maketrans(b"0123456789abcdef", bytes(range(16)))
_DIGITS = bytes.maketrans(bytes(range(16)), b"0123456789abcdef")
_NO_CHILD = b"\x80"
_HASHED = b"\xa0"
"""The head of a 32-byte string in RLP."""


class Node:
    """A leaf (``value`` set), an extension (one child under a path) or a branch (16 children)."""

    __slots__ = ("_reference", "children", "item", "path", "value")

    def __init__(
        self,
        path: bytes,
        value: bytes | None,
        children: tuple["Node | None", ...] = (),
        item: Any = None,
    ) -> None:
        self.path = path
        """Nibbles from the parent to here, one per byte; empty for a branch."""
        self.value = value
        self.children = children
        self.item = item
        """What a leaf's value stands for; it may be anything."""
        self._reference: bytes | None = None

    def reference(self) -> bytes:
        """What the parent holds of this node, in RLP: the node itself, or its hash."""
        if self._reference is None:
            encoded = self.encoded()
            small = len(encoded) < 32
            self._reference = encoded if small else _HASHED + _keccak(encoded)
        return self._reference

    def encoded(self) -> bytes:
        """The node in RLP."""
        if self.value is not None:
            return listed(string(_compact(self.path, leaf=True)) + string(self.value))
        if self.path:
            child = self.children[0]
            assert child is not None
            return listed(string(_compact(self.path, leaf=False)) + child.reference())
        parts = [_NO_CHILD if child is None else child.reference() for child in self.children]
        return listed(b"".join(parts) + _NO_CHILD)


def root_of(node: Node | None) -> bytes:
    """The 32-byte root hash of a trie; None is the empty one."""
    if node is None:
        return EMPTY_ROOT
    reference = node.reference()
    return reference[1:] if len(reference) == 33 else _keccak(reference)


def nibbles(key: bytes) -> bytes:
    """A key as one nibble per byte."""
    return key.hex().encode().translate(_NIBBLES)


def get(node: Node | None, path: bytes) -> Node | None:
    """The leaf at ``path``."""
    at = 0
    while node is not None:
        own = node.path
        if node.value is not None:
            return node if own == path[at:] else None
        if not own:
            node = node.children[path[at]]
            at += 1
        elif path.startswith(own, at):
            at += len(own)
            node = node.children[0]
        else:
            return None
    return None


def put(node: Node | None, path: bytes, value: bytes, item: Any = None) -> Node:
    """The trie with ``value`` (not empty) at ``path``."""
    if node is None:
        return Node(path, value, (), item)
    if not node.path and node.value is None:
        index = path[0]
        return _with_child(node, index, put(node.children[index], path[1:], value, item))
    shared = _shared(node.path, path)
    if shared == len(node.path):
        if node.value is not None:
            return Node(path, value, (), item)
        return Node(node.path, None, (put(node.children[0], path[shared:], value, item),))
    return _split(node, shared, path, Node(path[shared + 1 :], value, (), item))


def drop(node: Node | None, path: bytes) -> Node | None:
    """The trie without ``path``; the same trie when it was not there."""
    if node is None:
        return None
    if not node.path and node.value is None:
        old = node.children[path[0]]
        new = drop(old, path[1:])
        return node if new is old else _collapsed(_with_child(node, path[0], new))
    if _shared(node.path, path) < len(node.path):
        return node
    if node.value is not None:
        return None
    child = node.children[0]
    rest = drop(child, path[len(node.path) :])
    return node if rest is child else _extended(node.path, rest)


def leaves(node: Node | None) -> Iterator[Node]:
    """All leaves, by ascending path."""
    waiting = [] if node is None else [node]
    while waiting:
        one = waiting.pop()
        if one.value is not None:
            yield one
        else:
            waiting += [child for child in reversed(one.children) if child is not None]


def proof(node: Node | None, path: bytes) -> list[bytes]:
    """The RLP of each node from the root towards a path, as far as there are any; what is inlined is in its parent.

    Who has the root can check from it that the path has its value, or that there is nothing at it.
    """
    found: list[bytes] = []
    while node is not None:
        encoded = node.encoded()
        if not found or len(encoded) >= 32:
            found.append(encoded)
        if node.value is not None or not path.startswith(node.path):
            return found
        if node.path:
            path, node = path[len(node.path) :], node.children[0]
        else:
            path, node = path[1:], node.children[path[0]]
    return found


def list_root(values: Iterable[bytes]) -> bytes:
    """The root of the trie of a list: transactions, receipts or withdrawals by their index in RLP."""
    node = None
    for index, value in enumerate(values):
        node = put(node, nibbles(string(integer(index))), value)
    return root_of(node)


def _split(node: Node, shared: int, path: bytes, leaf: Node) -> Node:
    """A branch where ``node.path`` and ``path`` part, under an extension of what they share."""
    children: list[Node | None] = [None] * 16
    children[node.path[shared]] = _shortened(node, node.path[shared + 1 :])
    children[path[shared]] = leaf
    branch = Node(b"", None, tuple(children))
    return branch if shared == 0 else Node(path[:shared], None, (branch,))


def _shortened(node: Node, path: bytes) -> Node | None:
    """A leaf or extension with a shorter path; an extension without one is its child."""
    if node.value is None and not path:
        return node.children[0]
    return Node(path, node.value, node.children, node.item)


def _with_child(node: Node, index: int, child: Node | None) -> Node:
    children = node.children
    return Node(b"", None, (*children[:index], child, *children[index + 1 :]))


def _collapsed(branch: Node) -> Node | None:
    """A branch with one child left gives way to it."""
    left = [(i, child) for i, child in enumerate(branch.children) if child is not None]
    if len(left) > 1:
        return branch
    index, child = left[0]
    return _extended(bytes([index]), child)


def _extended(path: bytes, child: Node | None) -> Node | None:
    """``child`` under ``path``: joined when it has a path of its own, else an extension."""
    if child is None:
        return None
    if child.path or child.value is not None:
        return Node(path + child.path, child.value, child.children, child.item)
    return Node(path, None, (child,))


def _shared(left: bytes, right: bytes) -> int:
    """How many leading nibbles are equal."""
    if right.startswith(left):
        return len(left)
    for index, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return index
    return min(len(left), len(right))


def _compact(path: bytes, *, leaf: bool) -> bytes:
    """Hex-prefix encoding (yellow paper, appendix C)."""
    flag = 2 if leaf else 0
    head = bytes([flag + 1]) if len(path) % 2 else bytes([flag, 0])
    return bytes.fromhex((head + path).translate(_DIGITS).decode())


def _keccak(data: bytes) -> bytes:
    return bytes(keccak256(data))


def string(data: bytes) -> bytes:
    """RLP of a byte string."""
    length = len(data)
    if length == 1 and data[0] < 0x80:
        return data
    if length < 56:
        return bytes([0x80 + length]) + data
    digits = integer(length)
    return bytes([0xB7 + len(digits)]) + digits + data


def listed(payload: bytes) -> bytes:
    """RLP of a list whose members are encoded."""
    length = len(payload)
    if length < 56:
        return bytes([0xC0 + length]) + payload
    digits = integer(length)
    return bytes([0xF7 + len(digits)]) + digits + payload


def integer(number: int) -> bytes:
    """A number as RLP's string of it: big-endian without leading zeros."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


EMPTY_ROOT = _keccak(string(b""))
