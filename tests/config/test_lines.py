"""Lines of TOML keys."""

import pytest

from alys.config import lines

TEXT = """\
# a comment = 1
top = 1

[world]   # the world
seed = 7
"time scale" = 2
node.slot = 3
[a . b]
c = { d = 1 }
[[rows]]
x = 1
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("world",), 4),
        (("world", "seed"), 5),
        (("world", "time scale"), 6),
        (("world", "node", "slot"), 7),
        (("a", "b"), 8),
        (("a", "b", "c"), 9),
        (("a", "b", "c", "d"), 9),
        (("rows", "x"), 11),
        (("nowhere", "at", "all"), 1),
    ],
)
def test_a_key_is_found_on_its_line_or_on_that_of_what_holds_it(
    path: tuple[str, ...], line: int
) -> None:
    assert lines.line_of(lines.key_lines(TEXT), path) == line
