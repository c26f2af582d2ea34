"""A plan in a file: read back as it was, refused where it cannot be what was run."""

from pathlib import Path

import msgspec
import pytest

from alys.base import errors
from alys.campaigns import kept, plan
from tests.campaigns import lives

FAILED = kept.of(lives.failed(lives.plan_of(7)), "abc1", "lock1")


def test_what_is_kept_is_read_back_from_its_file_or_its_folder(tmp_path: Path) -> None:
    (tmp_path / kept.FILE).write_text(kept.encode(FAILED), encoding="utf-8")
    assert kept.read(tmp_path) == kept.read(tmp_path / kept.FILE) == FAILED
    assert (FAILED.plan.seed, FAILED.trace_hash) == (7, f"{7:064x}")


def test_a_plan_alone_is_enough(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(plan.encode(FAILED.plan), encoding="utf-8")
    assert kept.read(file) == kept.Kept(plan=FAILED.plan)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "cannot read the plan .*No such file"),
        ("{", "is no plan: it is no JSON"),
        ("[]", "is no plan: Expected `object`"),
        ("{}", "is no plan: .*`seed`"),
        ('{"plan": {"seed": "x"}}', r"is no plan: .*\$\.plan\.seed"),
        ('{"seed": 1, "orders": [{"number": 1}]}', r"is no plan: .*orders"),
        ('{"plan": {"seed": 1}, "comit": "a"}', "is no plan: .*comit"),
    ],
)
def test_what_is_no_plan_is_refused_with_the_reason(
    tmp_path: Path, text: str | None, told: str
) -> None:
    file = tmp_path / "plan.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(errors.UsageError, match=told):
        kept.read(file)


def test_a_folder_without_a_plan_says_why_there_may_be_none(tmp_path: Path) -> None:
    with pytest.raises(errors.UsageError, match="a campaign that found nothing leaves none"):
        kept.read(tmp_path)


def test_another_commit_or_lock_is_the_wrong_environment() -> None:
    kept.refuse_another(FAILED, "abc1", "lock1")
    with pytest.raises(errors.EnvironmentFailure, match=r"at commit abc1, this is def2.*--force"):
        kept.refuse_another(FAILED, "def2", "lock1")
    with pytest.raises(errors.EnvironmentFailure, match="at lock of dependencies lock1"):
        kept.refuse_another(FAILED, "abc1", "lock2")


def test_where_a_side_does_not_know_its_commit_nobody_is_refused() -> None:
    kept.refuse_another(FAILED, kept.UNKNOWN, kept.UNKNOWN)
    kept.refuse_another(msgspec.structs.replace(FAILED, commit=kept.UNKNOWN), "def2", "lock1")
