"""A whole store is looked through, and all that is wrong with it is said with its key."""

from collections.abc import Callable

import pytest

from alys.node import integrity, migration, records
from alys.node.integrity import Findings
from alys.node.storage import Storage
from tests.node.bench import Bench
from tests.node.test_migration import ROOTS, store_of_version_1

Pairs = dict[bytes, bytes]


def sound() -> Pairs:
    """A store with two blocks, as the node leaves it."""
    bench = Bench()
    bench.disk.pairs = store_of_version_1()
    bench.store("node/ports/store")
    bench.start("node/storage", lambda: Storage("node/ports/store"))
    return bench.disk.pairs


def test_a_sound_store_is_summed_up() -> None:
    found = integrity.examine(sound())
    assert found.damage == ()
    assert (found.version, found.blocks, found.states, found.records) == (2, 2, 1, 2)
    assert found.head is not None
    assert (found.head.height, found.head.finalised_height) == (5, 4)


def test_a_new_store_and_none_at_all_are_sound() -> None:
    nothing = Findings(version=None, head=None, blocks=0, states=0, records=0, damage=())
    assert integrity.examine({}) == nothing
    new = migration.to_current(())
    seal = records.pack(records.SEAL, records.Seal(number=1))
    assert integrity.examine({**new, records.SEAL: seal}).damage == ()


def test_a_store_of_version_1_is_named_as_such() -> None:
    found = integrity.examine(store_of_version_1())
    assert found.version is None
    assert "which the node brings up to date" in found.damage[0]


def gone(key: bytes) -> Callable[[Pairs], object]:
    return lambda pairs: pairs.pop(key)


def put(key: bytes, value: object, at: bytes | None = None) -> Callable[[Pairs], object]:
    return lambda pairs: pairs.update({at or key: records.pack(key, value)})


def bit(key: bytes) -> Callable[[Pairs], object]:
    return lambda pairs: pairs.update({key: pairs[key][:-1] + bytes((pairs[key][-1] ^ 1,))})


@pytest.mark.parametrize(
    ("break_it", "label", "word"),
    [
        (bit(records.record_key("pegin", "tx:0")), "record/pegin/tx:0", "not what was written"),
        (bit(records.block_key(ROOTS[0])), f"block/{ROOTS[0].hex()}", "not what was written"),
        (gone(records.SEAL), "seal", "there is none"),
        (gone(records.height_key(5)), "height/", "there is none"),
        (put(records.height_key(9), ROOTS[0]), "height/", "above the head"),
        (put(records.height_key(5), ROOTS[0]), "height/", "another block"),
        (gone(records.block_key(ROOTS[0])), "block/", "canonical at 4"),
        (gone(records.state_key(ROOTS[1])), "state/", "the head has no state"),
        (put(records.block_key(ROOTS[0]), b"no block"), "block/", "not a consensus block"),
        (put(b"what", 1), "what", "no version"),
        (put(b"a", b"moved", at=records.record_key("a", "b")), "record/a/b", "not what"),
    ],
)
def test_what_is_wrong_is_said_with_its_key(
    break_it: Callable[[Pairs], object], label: str, word: str
) -> None:
    pairs = sound()
    break_it(pairs)
    damage = integrity.examine(pairs).damage
    assert any(one.startswith(label) and word in one for one in damage), damage


def test_another_block_than_the_key_says_is_found() -> None:
    pairs = sound()
    other = records.unpack(records.block_key(ROOTS[1]), pairs[records.block_key(ROOTS[1])], bytes)
    put(records.block_key(ROOTS[0]), other)(pairs)
    assert any(
        f"the block there is {ROOTS[1].hex()}" in one for one in integrity.examine(pairs).damage
    )


def test_a_last_batch_that_is_not_whole_is_found() -> None:
    pairs = sound()
    key = records.record_key("cursor", "bitcoin")
    put(key, b"of an older batch")(pairs)
    assert any("the last one, wrote it" in one for one in integrity.examine(pairs).damage)
