"""The persistent trie against the specification's own, which is slow and right."""

from ethereum.crypto.hash import keccak256
from ethereum.forks.shanghai import trie as specification
from ethereum_types.bytes import Bytes
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


def test_nothing_has_the_empty_root() -> None:
    assert trie.root_of(None) == trie.EMPTY_ROOT == root_by_the_specification({})
