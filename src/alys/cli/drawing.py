"""What the commands of simulation share: the flags that say how plans are drawn, and how each of them can be mistyped."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alys.base import errors

if TYPE_CHECKING:
    from alys.campaigns.kept import Kept
    from alys.config.settings import Settings


def add(command: argparse.ArgumentParser, whose: str) -> None:
    """The two flags, which every replay line may have."""
    command.add_argument(
        "--faults", metavar="PROFILE", help=f"which faults there are, {whose} (all)"
    )
    command.add_argument(
        "--profile",
        metavar="light|full|mixed",
        help=f"{whose}: fakes of execution and signatures, the whole thing, or that for one seed in ten (mixed)",
    )


def profile(text: str | None, *, light: bool = False) -> str:
    """Mixed unless told, or light. Raises UsageError that names the nearest."""
    from alys.campaigns import campaign

    default = "light" if light else campaign.Options().profile
    return _one_of("--profile", text, campaign.PROFILES, default)


def faults(text: str | None) -> str:
    """Raises UsageError that names the nearest."""
    from alys.campaigns import campaign, life

    return _one_of("--faults", text, life.FAULT_PROFILES, campaign.Options().faults)


def seconds(text: str | None) -> float | None:
    """Of ``--minutes``; None where it is not given. Raises UsageError."""
    if text is None:
        return None
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes <= 60 * 24 * 7:
        raise errors.UsageError(
            f"--minutes {text!r} cannot stand; allowed: a number above 0, a week at most"
        )
    return 60 * minutes


def kept(arguments: argparse.Namespace) -> "Kept":
    """The plan that FILE|SEED means, with what is known of it. Raises UsageError."""
    from alys.campaigns import campaign, life
    from alys.campaigns import kept as files
    from alys.campaigns.kept import Kept

    what: str = arguments.what
    expected: str | None = getattr(arguments, "trace_hash", None)
    if what.isascii() and what.isdecimal() and not Path(what).exists():
        seed, _ = campaign.seeds(what, "seed")
        plan = life.plan_of(seed, faults(arguments.faults), profile(arguments.profile))
        return Kept(plan=plan, trace_hash=expected or "")
    given = {
        "--profile": arguments.profile,
        "--faults": arguments.faults,
        "--trace-hash": expected,
    }
    for flag, value in given.items():
        if value is not None:
            raise errors.UsageError(f"{flag} is for a SEED; the plan in {what} has its own")
    return files.read(Path(what))


def settings(
    environment: Mapping[str, str], *, output: str | None = None, results_dir: str | None = None
) -> "Settings":
    """What the environment says of the rest; the world is the simulated one, whatever it says of that."""
    from alys.config import loader

    flags: loader.Flags = {
        ("world", "kind"): ("alys sim", "sim"),
        ("test_environment", "results_dir"): ("--results-dir", results_dir),
        ("test_environment", "report_format"): ("-o", output),
    }
    return loader.load(None, environment, flags, {("world", "seed"): 0})


def near(word: str, names: Sequence[str]) -> str:
    """The end of a complaint about a word that is none of these."""
    from alys.config.errors import nearest_name

    nearest = nearest_name(word, names)
    return f"; did you mean {nearest!r}?" if nearest else ""


def _one_of(flag: str, text: str | None, known: Sequence[str], default: str) -> str:
    if text is None:
        return default
    if text not in known:
        raise errors.UsageError(
            f"{flag} {text!r} cannot stand{near(text, known)}; allowed: {', '.join(known)}"
        )
    return text
