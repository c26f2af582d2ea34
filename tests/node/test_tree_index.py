"""Which blocks are canonical under a head, and which fall away; held against the plain meaning on random trees."""

from hypothesis import given
from hypothesis import strategies as st

from alys.node.tree_index import Fallen, Place, fallen, moved, path

#       1 - 2 - 3
#     /
#   0 - 11 - 12
TREE = {
    b"0": Place(b"", 10),
    b"1": Place(b"0", 11),
    b"2": Place(b"1", 12),
    b"3": Place(b"2", 13),
    b"11": Place(b"0", 11),
    b"12": Place(b"11", 12),
}


def test_a_path_goes_down_to_the_lowest_that_is_known() -> None:
    assert list(path(TREE, b"2")) == [(12, b"2"), (11, b"1"), (10, b"0")]
    assert list(path(TREE, b"not here")) == []


def test_a_head_that_moves_up_adds_its_height() -> None:
    assert moved(TREE, b"2", b"3") == {13: b"3"}
    assert moved(TREE, None, b"1") == {11: b"1", 10: b"0"}
    assert moved(TREE, b"2", b"2") == {}


def test_a_reorganisation_rewrites_the_heights_of_its_branch_and_empties_those_above() -> None:
    assert moved(TREE, b"3", b"12") == {13: None, 12: b"12", 11: b"11"}
    assert moved(TREE, b"12", b"3") == {11: b"1", 12: b"2", 13: b"3"}


def test_a_final_block_keeps_its_state_and_its_descendants_and_abandons_the_rest() -> None:
    gone = fallen(TREE, b"1")
    assert set(gone.states) == {b"0", b"11", b"12"}
    assert set(gone.blocks) == {b"11", b"12"}


def test_a_final_block_that_is_not_in_the_tree_abandons_nothing() -> None:
    assert fallen(TREE, b"not here") == Fallen(states=(), blocks=())


@given(st.lists(st.integers(0, 100), min_size=1, max_size=30), st.data())
def test_the_heights_under_any_head_are_its_branch_and_nothing_else(
    parents: list[int], data: st.DataObject
) -> None:
    tree = {b"0": Place(b"", 0)}
    for number, drawn in enumerate(parents, 1):
        parent = b"%d" % (drawn % number)
        tree[b"%d" % number] = Place(parent, tree[parent].height + 1)
    heights: dict[int, bytes] = {}
    head: bytes | None = None
    for new in data.draw(st.lists(st.sampled_from(sorted(tree)), min_size=1, max_size=5)):
        for height, root in moved(tree, head, new).items():
            if root is None:
                del heights[height]
            else:
                heights[height] = root
        head = new
        assert heights == dict(path(tree, new))


@given(st.lists(st.integers(0, 100), min_size=1, max_size=30), st.data())
def test_what_falls_is_all_that_does_not_descend_from_the_final_block(
    parents: list[int], data: st.DataObject
) -> None:
    tree = {b"0": Place(b"", 0)}
    for number, drawn in enumerate(parents, 1):
        parent = b"%d" % (drawn % number)
        tree[b"%d" % number] = Place(parent, tree[parent].height + 1)
    final = data.draw(st.sampled_from(sorted(tree)))
    gone = fallen(tree, final)
    below = {root for _, root in path(tree, final)}
    for root in tree:
        descends = final in {one for _, one in path(tree, root)}
        assert (root in gone.states) != descends
        assert (root in gone.blocks) == (not descends and root not in below)
