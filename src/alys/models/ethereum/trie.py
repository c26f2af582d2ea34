"""A persistent Merkle Patricia trie, so that a block pays for the accounts it touched and not for all of them.

Theory of operation. The specification builds the whole trie anew for each root: 80 ms for a thousand accounts. Here nodes
are never changed: ``put`` and ``drop`` copy the path from the root to the leaf and share the rest, so each block keeps
its own root and neighbours share nearly everything. A node remembers its own reference (its RLP when that is below 32
bytes, else the Keccak of it; yellow paper, appendix D) once asked. All keys are 32-byte hashes, so they have equal
length, no key is the prefix of another and a branch never carries a value. The tests compare with the specification's
``trie.root``.
"""

from ethereum.crypto.hash import keccak256
from ethereum_rlp import rlp
from ethereum_rlp.rlp import Extended

EMPTY_ROOT = bytes(keccak256(rlp.encode(b"")))
_NO_CHILD = b""


class Node:
    """A leaf (``value`` set), an extension (one child under a path) or a branch (16 children)."""

    __slots__ = ("_reference", "children", "path", "value")

    def __init__(
        self, path: bytes, value: bytes | None, children: tuple["Node | None", ...] = ()
    ) -> None:
        self.path = path
        """Nibbles from the parent to here, one per byte; empty for a branch."""
        self.value = value
        self.children = children
        self._reference: Extended | None = None

    def reference(self) -> Extended:
        """What the parent holds of this node."""
        if self._reference is None:
            unencoded = self._unencoded()
            encoded = rlp.encode(unencoded)
            self._reference = unencoded if len(encoded) < 32 else keccak256(encoded)
        return self._reference

    def _unencoded(self) -> Extended:
        if self.value is not None:
            return (_compact(self.path, leaf=True), self.value)
        if self.path:
            child = self.children[0]
            assert child is not None
            return (_compact(self.path, leaf=False), child.reference())
        subnodes = [_NO_CHILD if child is None else child.reference() for child in self.children]
        return [*subnodes, b""]


def proof(node: Node | None, path: bytes) -> list[bytes]:
    """The RLP of each node from the root towards a path, as far as there are any; what is inlined is in its parent.

    Who has the root can check from it that the path has its value, or that there is nothing at it.
    """
    found: list[bytes] = []
    while node is not None:
        encoded = bytes(rlp.encode(node._unencoded()))
        if not found or len(encoded) >= 32:
            found.append(encoded)
        if node.path:
            if node.value is not None or path[: len(node.path)] != node.path:
                break
            path, node = path[len(node.path) :], node.children[0]
        else:
            path, node = path[1:], node.children[path[0]]
    return found


def root_of(node: Node | None) -> bytes:
    """The 32-byte root hash of a trie; None is the empty one."""
    if node is None:
        return EMPTY_ROOT
    reference = node.reference()
    if isinstance(reference, bytes) and len(reference) == 32:
        return bytes(reference)
    return bytes(keccak256(rlp.encode(reference)))


def nibbles(key: bytes) -> bytes:
    """A key as one nibble per byte."""
    return bytes(digit for byte in key for digit in (byte >> 4, byte & 15))


def put(node: Node | None, path: bytes, value: bytes) -> Node:
    """The trie with ``value`` (not empty) at ``path``."""
    if node is None:
        return Node(path, value)
    if not node.path:
        return _with_child(node, path[0], put(node.children[path[0]], path[1:], value))
    shared = _shared(node.path, path)
    if shared == len(node.path):
        if node.value is not None:
            return Node(path, value)
        return Node(node.path, None, (put(node.children[0], path[shared:], value),))
    return _split(node, shared, path, value)


def drop(node: Node | None, path: bytes) -> Node | None:
    """The trie without ``path``; the same trie when it was not there."""
    if node is None:
        return None
    if not node.path:
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


def _split(node: Node, shared: int, path: bytes, value: bytes) -> Node:
    """A branch where ``node.path`` and ``path`` part, under an extension of what they share."""
    children: list[Node | None] = [None] * 16
    children[node.path[shared]] = _shortened(node, node.path[shared + 1 :])
    children[path[shared]] = Node(path[shared + 1 :], value)
    branch = Node(b"", None, tuple(children))
    return branch if shared == 0 else Node(path[:shared], None, (branch,))


def _shortened(node: Node, path: bytes) -> Node | None:
    """A leaf or extension with a shorter path; an extension without one is its child."""
    if node.value is None and not path:
        return node.children[0]
    return Node(path, node.value, node.children)


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
    if child.path:
        return Node(path + child.path, child.value, child.children)
    return Node(path, None, (child,))


def _shared(left: bytes, right: bytes) -> int:
    """How many leading nibbles are equal."""
    for index, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return index
    return min(len(left), len(right))


def _compact(path: bytes, *, leaf: bool) -> bytes:
    """Hex-prefix encoding (yellow paper, appendix C)."""
    flag = 2 if leaf else 0
    padded = bytes([flag + 1, *path]) if len(path) % 2 else bytes([flag, 0, *path])
    return bytes(16 * padded[i] + padded[i + 1] for i in range(0, len(padded), 2))
