"""The text of a scenario that keeps a finding."""

import ast
import subprocess
import sys

import msgspec
import pytest

from alys.campaigns import keepsake
from alys.campaigns.keepsake import Finding
from alys.campaigns.plan import Plan
from tests.campaigns.test_telling import PLAN

FOUND = Finding(
    plan=PLAN,
    oracle="ledger/minted twice",
    sentence='deposit 0xab "was"\nminted \\twice\x00',
    commit="0123456789abcdef0123",
    orders_before=34,
    work_before=1,
)


@pytest.mark.parametrize("found", [FOUND, msgspec.structs.replace(FOUND, plan=Plan(seed=1))])
def test_the_text_is_a_module_as_the_house_writes_them(found: Finding) -> None:
    """Formatted and in order, but for lines of text that nobody can break."""
    text = keepsake.render(found, "examples/found/x.py")
    ast.parse(text)
    for words in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--stdin-filename", "examples/found/x.py", "-"],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr + text


def test_it_says_what_was_found_where_and_what_remains() -> None:
    text = keepsake.render(FOUND, "found/x.py")
    assert text.startswith(
        '"""What a campaign found on seed 4294967295 at commit 0123456789ab, cut small. Run it with\n\n'
        'alys test found/x.py --world sim\n"""\n'
    )
    assert "async def test_ledger_minted_twice(world: NetworkWorld) -> None:" in text
    assert "ledger/minted twice: deposit 0xab 'was' minted /twice?" in text
    assert "The campaign had 34 faults and 1 piece of work; what remains of them:" in text
    assert "    - kill node-1 (down_s=1.0, disk=torn) when" in text
    assert "its faults must still bite" in text


def test_without_faults_it_asks_for_none() -> None:
    kept = msgspec.structs.replace(FOUND, plan=Plan(seed=1))
    text = " ".join(keepsake.render(kept, "x.py").split())
    assert "nothing remains of them: the node fails by itself." in text
    assert "bite" not in text
