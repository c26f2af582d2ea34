"""What was declared beforehand, and what the struct refuses."""

import msgspec
import pytest

from alys.mutants.mutant import Mutant


def test_an_oracle_is_expected_by_its_name_or_by_its_family() -> None:
    bug = Mutant(
        name="a-bug", story="", source="", area="bridge", oracles=("order", "ledger/"), edits=()
    )
    assert bug.expects("order")
    assert bug.expects("ledger/minted-twice")
    assert not bug.expects("ledger")
    assert not bug.expects("crash")
    assert not bug.expects("order/x")


@pytest.mark.parametrize("wrong", [{"name": "A Bug"}, {"area": "weather"}])
def test_a_name_is_a_slug_and_an_area_is_one_of_five(wrong: dict[str, str]) -> None:
    fields = {"name": "a", "story": "", "source": "", "area": "bridge", "oracles": [], "edits": []}
    msgspec.convert(fields, Mutant)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**fields, **wrong}, Mutant)
