"""The persistent trie against the specification's own, which is slow and right."""

from itertools import pairwise

import pytest
from ethereum.crypto.hash import keccak256
from ethereum.forks.shanghai import trie as specification
from ethereum_rlp import rlp
from ethereum_types.bytes import Bytes
from ethereum_types.numeric import Uint
from hypothesis import given
from hypothesis import strategies as st

from alys.models.ethereum import trie

KEYS = st.integers(0, 40).map(lambda number: bytes(keccak256(number.to_bytes(4, "big"))))
VALUES = st.binary(min_size=1, max_size=80)
STEPS = st.lists(st.tuples(KEYS, st.one_of(st.none(), VALUES)), max_size=60)


def root_by_the_specification(content: dict[bytes, bytes]) -> bytes:
    made: specification.Trie[Bytes, Bytes | None] = specification.Trie(secured=False, default=None)
    for key, value in content.items():
        specification.trie_set(made, Bytes(key), Bytes(value))
    return bytes(specification.root(made))


@given(STEPS)
def test_after_any_puts_and_drops_the_root_is_the_specifications(
    steps: list[tuple[bytes, bytes | None]],
) -> None:
    node: trie.Node | None = None
    content: dict[bytes, bytes] = {}
    for key, value in steps:
        if value is None:
            node = trie.drop(node, trie.nibbles(key))
            content.pop(key, None)
        else:
            node = trie.put(node, trie.nibbles(key), value)
            content[key] = value
    assert trie.root_of(node) == root_by_the_specification(content)


@given(st.dictionaries(KEYS, VALUES, min_size=1), KEYS, VALUES)
def test_an_older_root_stays_what_it_was(
    content: dict[bytes, bytes], key: bytes, value: bytes
) -> None:
    node: trie.Node | None = None
    for one, kept in content.items():
        node = trie.put(node, trie.nibbles(one), kept)
    before = trie.root_of(node)
    trie.put(node, trie.nibbles(key), value)
    trie.drop(node, trie.nibbles(key))
    assert trie.root_of(node) == before == root_by_the_specification(content)


@given(st.lists(VALUES, max_size=300))
def test_the_root_of_a_list_is_the_specifications(values: list[bytes]) -> None:
    keyed = {bytes(rlp.encode(Uint(index))): value for index, value in enumerate(values)}
    assert trie.list_root(values) == root_by_the_specification(keyed)


@given(st.dictionaries(KEYS, VALUES), KEYS)
def test_what_is_there_is_found_and_nothing_else(content: dict[bytes, bytes], key: bytes) -> None:
    node: trie.Node | None = None
    for one, value in content.items():
        node = trie.put(node, trie.nibbles(one), value, item=value[::-1])
    leaf = trie.get(node, trie.nibbles(key))
    if key in content:
        assert leaf is not None
        assert (leaf.value, leaf.item) == (content[key], content[key][::-1])
    else:
        assert leaf is None
    assert [leaf.value for leaf in trie.leaves(node)] == [content[k] for k in sorted(content)]


@given(st.dictionaries(KEYS, VALUES, min_size=1), KEYS)
def test_a_proof_leads_from_the_root_to_the_value(content: dict[bytes, bytes], key: bytes) -> None:
    node: trie.Node | None = None
    for one, value in content.items():
        node = trie.put(node, trie.nibbles(one), value)
    proof = trie.proof(node, trie.nibbles(key))
    assert bytes(keccak256(proof[0])) == trie.root_of(node)
    for above, below in pairwise(proof):
        assert bytes(keccak256(below)) in above
    if key in content:
        assert content[key] in proof[-1]


@pytest.mark.parametrize("length", [0, 1, 55, 56, 255, 256, 70_000])
def test_rlp_is_the_specifications(length: int) -> None:
    for first in (b"\x00", b"\x7f", b"\x80", b"\xff"):
        data = (first * length)[:length]
        assert trie.string(data) == rlp.encode(data)
        assert trie.listed(trie.string(data)) == rlp.encode([data])


def test_nothing_has_the_empty_root() -> None:
    assert trie.root_of(None) == trie.EMPTY_ROOT == root_by_the_specification({})


def test_a_proof_leaves_out_the_nodes_that_are_in_their_parents() -> None:
    node = None
    for last in range(3):  # two short leaves under one branch, below an extension
        node = trie.put(node, bytes([1, 2, 3, last]), b"\x07")
    proof = trie.proof(node, bytes([1, 2, 3, 1]))
    assert [len(encoded) >= 32 for encoded in proof[1:]] == [True] * (len(proof) - 1)
    assert keccak256(proof[0]) == trie.root_of(node)
    wide = trie.put(node, bytes([5, 0, 0, 0]), b"\x07" * 40)
    found = trie.proof(wide, bytes([5, 0, 0, 0]))
    assert [bytes(keccak256(encoded)) in found[0] for encoded in found[1:]] == [True]
    assert trie.proof(None, bytes(4)) == []
