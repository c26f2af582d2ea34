"""How calls are made: one line each."""

from alys.models.bitcoin.usage import USAGE


def test_every_line_begins_with_its_method() -> None:
    assert [name for name, line in USAGE.items() if line.split()[0] != name] == []
