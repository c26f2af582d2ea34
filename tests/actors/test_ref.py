"""A ref names one actor for its whole life, and no other."""

from alys.actors.ref import Ref


def test_the_name_is_the_last_step_of_the_path() -> None:
    assert Ref("/alys/node/chain", 4).name == "chain"


def test_a_later_actor_of_the_same_path_is_another() -> None:
    assert Ref("/a", 1) == Ref("/a", 1)
    assert Ref("/a", 1) != Ref("/a", 2)
    assert Ref("/a", 0) != Ref("/b", 0)
    assert len({Ref("/a", 1), Ref("/a", 1), Ref("/a", 2)}) == 2


def test_it_shows_path_and_number() -> None:
    assert repr(Ref("/a", 7)) == "</a#7>"


def test_its_hash_does_not_depend_on_the_hash_seed() -> None:
    assert hash(Ref("/a", 7)) == 7
