"""What the commands of simulation share: the flags that say how plans are drawn, and how each of them can be mistyped."""

import argparse
from collections.abc import Mapping, Sequence

from alys.base import errors


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
    from alys.config import loader

    flags: loader.Flags = {("test_environment", "report_format"): ("-o", text)}
    return loader.load(None, environment, flags, CHOSEN).test_environment.report_format


CHOSEN: dict[tuple[str, ...], object] = {("world", "kind"): "sim", ("world", "seed"): 0}
"""Of settings that these commands are not asked for."""


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
