"""The tables of policies are settings: each figure by its path, bounded, with the nearest name for one that is none."""

from pathlib import Path

import pytest

from alys.base.errors import AlysError
from alys.config import loader, schema
from alys.config.policies import Policies


def test_one_figure_changes_and_the_others_of_its_row_stay(tmp_path: Path) -> None:
    file = tmp_path / "one.toml"
    file.write_text(
        '[node.actors.chain]\nmailbox = 7\n[node.supervisors.network]\nescalation = "parent"\n'
    )
    told, plain = loader.load(file, {}, {}).node.policies, Policies()
    assert told.actors.chain.mailbox == 7
    assert told.actors.chain.backoff_max == plain.actors.chain.backoff_max == 30.0
    assert told.actors.engine == plain.actors.engine
    assert told.supervisors.network.escalation == "parent"
    assert told.supervisors.network.restarts == 20


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[node.actors.chain]\nmailbx = 7\n",
            "unknown key 'node.actors.chain.mailbx'; did you mean 'node.actors.chain.mailbox'",
        ),
        ("[node.actors.chian]\nmailbox = 7\n", "chain"),
        ("[node.actors.chain]\nmailbox = 0\n", "from 1"),
        ('[node.supervisors.root]\nescalation = "paren"\n', "parent"),
        ("[node.supervisors.root]\nperiod = 0\n", "node.supervisors.root.period"),
    ],
)
def test_what_cannot_stand_is_told_with_what_can(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(AlysError, match=said):
        loader.load(file, {}, {})


def test_every_figure_has_a_path() -> None:
    paths = {
        path
        for path in schema.leaves()
        if path[:2] in (("node", "actors"), ("node", "supervisors"))
    }
    assert len(paths) == 9 * 8 + 5 * 5
