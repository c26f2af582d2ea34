"""A text of a function is replaced for a while, whoever holds the function, and a run can tell that it came there."""

import asyncio

import pytest

from alys.actors.actor import handlers_of
from alys.actors.tables import table_of
from alys.mutants import patching
from alys.mutants.mutant import Edit, Mutant, NotPlanted
from tests.mutants import specimen
from tests.mutants.specimen import plain as imported

HERE = "tests.mutants.specimen"


def mutant(*edits: tuple[str, str, str]) -> Mutant:
    return Mutant(
        name="specimen",
        story="none",
        source="none",
        area="runtime",
        oracles=("order", "ledger/"),
        edits=tuple(Edit(target=f"{HERE}:{at}", old=old, new=new) for at, old, new in edits),
    )


def test_a_planted_bug_is_there_within_the_block_and_gone_after_it() -> None:
    code = specimen.plain.__code__
    with patching.planted(mutant(("plain", 'said = "number"', 'said = "none"'))):
        assert specimen.plain(3) == imported(3) == "none"
    assert specimen.plain(3) == "number"
    assert specimen.plain.__code__ is code


def test_it_is_gone_after_an_error_too_and_leaves_no_names_behind() -> None:
    before = set(vars(specimen))
    with (
        pytest.raises(KeyError),
        patching.planted(mutant(("plain", 'said = "number"', 'said = "none"'))),
    ):
        raise KeyError
    assert specimen.plain(3) == "number"
    assert set(vars(specimen)) == before


@pytest.mark.parametrize(
    ("old", "new", "came", "passed_by"),
    [
        ('return "negative"', 'return "none"', -1, 3),
        ("number == 0", "number == 1", 3, -1),
        ("except ZeroDivisionError", "except (ZeroDivisionError, KeyError)", 3, -1),
        ("kind = 7", "kind = 8", 7, 3),
        ("case 7", "case 8", 3, 0),
        ('said = "seven"', 'said = "none"', 7, 3),
        ("    return said", "    said += said\n    return said", 3, 0),
        ('said = "number"', 'said = ""\n            said = "number"', 3, 7),
    ],
)
def test_whoever_comes_to_the_changed_statement_is_counted_and_nobody_else(
    old: str, new: str, came: int, passed_by: int
) -> None:
    with patching.planted(mutant(("plain", old, new))) as bug:
        specimen.plain(passed_by)
        assert bug.ran == 0
        specimen.plain(came)
        assert bug.ran == 1


def test_several_edits_of_one_function_and_of_others_are_planted_together() -> None:
    both = mutant(
        ("plain", 'said = "seven"', 'said = "seventy-seven"'),
        ("plain", 'return "negative"', 'return "below"'),
        ("remembered", "* 2", "* 3"),
    )
    with patching.planted(both) as bug:
        assert (specimen.plain(7), specimen.plain(-1)) == ("seventy-seven", "below")
        assert specimen.remembered(1) == 3
        assert bug.counts == [1, 1, 1]


def test_what_a_function_remembers_is_forgotten_at_both_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "alys._specimen", specimen)
    assert specimen.remembered(5) == 10
    with patching.planted(mutant(("remembered", "* 2", "* 3"))):
        assert specimen.remembered(5) == 15
    assert specimen.remembered(5) == 10


def test_functions_behind_decorators_and_descriptors_are_reached() -> None:
    every = mutant(
        ("lent", "number + 1", "number + 2"),
        ("Base.size", "return 1", "return 2"),
        ("Base.made", "return cls()", "return Heir()"),
        ("Base.static", '"static"', '"moved"'),
        ("Base.waits", '"waited"', '"gone on"'),
    )
    with patching.planted(every), specimen.lent(1) as number:
        assert number == 3
        assert specimen.Base().size == specimen.Heir().size == 2
        assert isinstance(specimen.Base.made(), specimen.Heir)
        assert specimen.Base.static() == "moved"
        assert asyncio.run(specimen.Base().waits()) == "gone on"


def test_super_private_names_and_closures_keep_working() -> None:
    made = specimen.closed_over(2, 1)
    heir, private = (
        mutant(("Heir.name", '"heir of "', '"kin of "')),
        mutant(("Base.private", "return self.__private", 'return self.__private + "!"')),
    )
    with patching.planted(heir):
        assert specimen.Heir().name() == "kin of base"
    with patching.planted(private):
        assert specimen.Heir().private() == "private!"
    with patching.planted(mutant(("closed_over", "* factor + addend", "* factor"))):
        assert specimen.closed_over(2, 1)(5) == 10
    assert made(5) == 11


def test_a_change_that_no_longer_calls_super_is_planted_all_the_same() -> None:
    with patching.planted(mutant(("Heir.name", "super().name()", '"nobody"'))):
        assert specimen.Heir().name() == "heir of nobody"


def test_validators_of_structs_and_handlers_of_actors_are_reached() -> None:
    handler = table_of(specimen.Sized)[specimen.Size]
    every = mutant(
        ("Checked.__post_init__", "< 0", "< -9"), ("Sized.on_size", "return 1", "return 2")
    )
    with patching.planted(every):
        assert specimen.Checked(-5).number == -5
        assert handler(None, None, None) == 2
        assert handlers_of(specimen.Sized)[specimen.Size] is handler
    with pytest.raises(ValueError, match="-5"):
        specimen.Checked(-5)


@pytest.mark.parametrize(
    ("target", "old", "new", "said"),
    [
        ("plain", "return", "return", "specimen.*plain holds 3 times"),
        ("plain", "no such text", "", "specimen.*plain holds 0 times"),
        ("gone", "a", "b", "specimen.*gone does not exist"),
        ("Base.gone", "a", "b", "specimen.*no 'gone' there"),
        ("LIMIT", "3", "4", "specimen.*LIMIT is no function but int"),
        ("plain", 'said = "number"', "said = (", "specimen.*no Python"),
        ("plain", "number: int", "number: float", "specimen.*changes no statement"),
        ("plain", 'case _:\n            said = "number"', "case _:", "specimen.*no Python"),
        ("plain", "    return said\n", "", "specimen.*changes no statement"),
    ],
)
def test_what_does_not_fit_is_named(target: str, old: str, new: str, said: str) -> None:
    with (
        pytest.raises(NotPlanted, match=said.replace(" ", "[ \n]")),
        patching.planted(mutant((target, old, new))),
    ):
        pass
    with pytest.raises(NotPlanted):
        patching.check(mutant((target, old, new)))


def test_a_module_that_is_not_there_and_a_bug_without_edits_are_named() -> None:
    nowhere = Edit(target="alys.nowhere:f", old="a", new="b")
    with pytest.raises(NotPlanted, match="specimen: no module 'alys"):
        patching.check(
            Mutant(
                name="specimen", story="", source="", area="runtime", oracles=(), edits=(nowhere,)
            )
        )
    with pytest.raises(NotPlanted, match="at least one edit"):
        patching.check(mutant())
