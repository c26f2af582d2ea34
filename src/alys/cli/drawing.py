"""What the commands of simulation share: the flags that say how plans are drawn, and how each of them can be mistyped."""

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from alys.base import errors

if TYPE_CHECKING:
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


def profile(text: str | None) -> str:
    """Raises UsageError that names the nearest."""
    from alys.campaigns import campaign

    return _one_of("--profile", text, campaign.PROFILES, campaign.Options().profile)


def faults(text: str | None) -> str:
    """Raises UsageError that names the nearest."""
    from alys.campaigns import campaign, life

    return _one_of("--faults", text, life.FAULT_PROFILES, campaign.Options().faults)


def form(text: str | None, environment: Mapping[str, str]) -> str:
    """``json`` or ``text``: of the flag, else of the settings."""
    return settings(environment, output=text).test_environment.report_format


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
