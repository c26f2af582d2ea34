"""What becomes of single frames, and of ways that are cut by several faults."""

from alys.base.prng import SeededRandom
from alys.base.trouble import Duplicate, Late, Lose
from alys.worlds.wire_troubles import UNHARMED, WireTroubles

THERE, BACK = ("a", "b"), ("b", "a")


def make() -> tuple[WireTroubles, list[int]]:
    changes: list[int] = []
    return WireTroubles(SeededRandom(1), lambda: changes.append(1)), changes


def test_a_way_is_open_again_when_the_last_cut_of_it_is_lifted() -> None:
    troubles, changes = make()
    one, both = troubles.cut([THERE]), troubles.cut([THERE, BACK])
    troubles.met(THERE)
    troubles.met(BACK)
    assert (troubles.touched[one], troubles.touched[both]) == (1, 2)
    troubles.lift(both)
    assert set(troubles.severed) == {THERE}
    troubles.lift(one)
    troubles.lift(one)
    assert not troubles.severed
    assert len(changes) == 4


def test_frames_suffer_on_their_way_only_and_at_the_rate() -> None:
    troubles, _ = make()
    lose = troubles.spoil(Lose(rate=0.25, duration_s=1), [THERE])
    lost = sum(troubles.fate(THERE).lost for _ in range(4000))
    assert 900 < lost < 1100
    assert troubles.touched[lose] == lost
    assert troubles.fate(BACK) == UNHARMED
    troubles.lift(lose)
    assert troubles.fate(THERE) is UNHARMED


def test_faults_of_one_way_add_up() -> None:
    troubles, _ = make()
    troubles.spoil(Late(ms=100, duration_s=1), [THERE])
    troubles.spoil(Duplicate(rate=1.0, duration_s=1), [THERE])
    fates = [troubles.fate(THERE) for _ in range(100)]
    assert all(0 <= fate.late_s <= 0.1 and fate.again_s is not None for fate in fates)
    assert len({fate.late_s for fate in fates}) > 50
