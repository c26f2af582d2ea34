"""A plan as it is kept: with what came of it, and what it was run on. ``plan.json`` in the results of a campaign is one."""

from pathlib import Path

import msgspec

from alys.base import errors
from alys.campaigns.outcome import Outcome
from alys.campaigns.plan import Plan

FILE = "plan.json"
UNKNOWN = "unknown"


class Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """See the module's docstring. A seed replays at one commit and one lock."""

    commit: str = UNKNOWN
    lock_hash: str = UNKNOWN
    verdict: str = ""
    oracle: str = ""
    sentence: str = ""
    trace_hash: str = ""
    """Empty where it is not known what is to be expected."""
    plan: Plan


def of(outcome: Outcome, commit: str, lock_hash: str) -> Kept:
    """What a run leaves."""
    return Kept(
        commit=commit,
        lock_hash=lock_hash,
        verdict=outcome.verdict,
        oracle=outcome.oracle,
        sentence=outcome.sentence,
        trace_hash=outcome.trace_hash,
        plan=outcome.plan,
    )


def encode(kept: Kept) -> str:
    """As JSON that people can read and change."""
    return msgspec.json.format(msgspec.json.encode(kept), indent=2).decode() + "\n"


def read(path: Path) -> Kept:
    """Of a file, or of a results folder that has one; a plan alone will do. Raises UsageError that names what is wrong with it."""
    file = path / FILE if path.is_dir() else path
    try:
        text = file.read_bytes()
    except OSError as error:
        hint = "; a campaign that found nothing leaves none" if path.is_dir() else ""
        raise errors.UsageError(f"cannot read the plan {file}: {error.strerror}{hint}") from error
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise errors.UsageError(f"{file} is no plan: it is no JSON ({error})") from error
    whole = isinstance(found, dict) and "plan" in found
    try:
        if whole:
            return msgspec.convert(found, Kept)
        return Kept(plan=msgspec.convert(found, Plan))
    except msgspec.ValidationError as error:
        raise errors.UsageError(f"{file} is no plan: {error}") from error


def refuse_another(kept: Kept, commit: str, lock_hash: str) -> None:
    """Raises EnvironmentFailure where the plan was run on another commit or other dependencies than these."""
    for what, then, now in (
        ("commit", kept.commit, commit),
        ("lock of dependencies", kept.lock_hash, lock_hash),
    ):
        if then != now and UNKNOWN not in (then, now):
            raise errors.EnvironmentFailure(
                f"the plan was run at {what} {then}, this is {now}: a seed replays at the one it was found at; "
                "check that out, or --force to see what comes of it here"
            )
