"""A found failure as the text of a scenario file, which can join a suite: the plan as data, and what it found in words."""

import re
import textwrap

import msgspec

from alys.campaigns import telling
from alys.campaigns.plan import Plan

WIDTH = 100


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, and when."""

    plan: Plan
    """As it is to be kept: small, with conditions."""
    oracle: str
    """Who found it: a name of ``alys.campaigns.naming``."""
    sentence: str
    commit: str
    orders_before: int
    work_before: int


def render(found: Finding, path: str) -> str:
    """The file's text, ending with a newline; ``path`` is how it is called on the command line."""
    name = _identifier(found.oracle)
    parts = [
        f'"""{_safe(_title(found))} Run it with\n\nalys test {_safe(path)} --world sim\n"""',
        _imports(found.plan),
        f"PLAN = {telling.python(found.plan)}",
        f"@pytest.mark.needs(plan=PLAN)\nasync def test_{name}(world: NetworkWorld) -> None:\n"
        + textwrap.indent(f'"""{_story(found)}\n"""\nawait scenario.play(world, PLAN)', "    "),
    ]
    return f"{parts[0]}\n\n{parts[1]}\n\n{parts[2]}\n\n\n{parts[3]}\n"


def _title(found: Finding) -> str:
    seed = f"seed {found.plan.seed}"
    return f"What a campaign found on {seed} at commit {found.commit[:12]}, cut small."


def _imports(plan: Plan) -> str:
    needed = {**telling.names(plan)}
    needed["alys.worlds.network_world"] = {"NetworkWorld"}
    lines = [
        f"from {module} import {', '.join(sorted(needed[module]))}" for module in sorted(needed)
    ]
    lines.append("from alys.campaigns import scenario")
    return "import pytest\n\n" + "\n".join(sorted(lines))


def _story(found: Finding) -> str:
    """Paragraphs: what is wrong; whence it came; what happens in it; what it asks of whom it fails to fail."""
    plan = found.plan
    happens = [*map(telling.order, plan.orders), *map(telling.work, plan.work)]
    count = f"{_many(found.orders_before, 'fault')} and {_many(found.work_before, 'piece')} of work"
    left = (
        "what remains of them" if happens else "nothing remains of them: the node fails by itself"
    )
    paragraphs = [
        _wrapped(f"{found.oracle}: {found.sentence}"),
        _wrapped(f"The campaign had {count}; {left}{':' if happens else '.'}"),
        "\n".join(_wrapped(f"- {one}", hanging="  ") for one in happens),
        _wrapped(
            "It passes once that is mended, and its faults must still bite then: where one never comes to its moment it is "
            "inconclusive, and is to be recorded anew."
            if plan.orders
            else "It passes once that is mended."
        ),
    ]
    return "\n\n".join(filter(None, paragraphs))


def _wrapped(text: str, hanging: str = "") -> str:
    lines = textwrap.wrap(
        _safe(text),
        WIDTH - 4,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)


def _safe(text: str) -> str:
    """Fit for a docstring: one line, no quotes that end it, nothing that Python reads as an escape."""
    plain = " ".join(text.split()).replace("\\", "/").replace('"', "'")
    return "".join(letter if letter.isprintable() else "?" for letter in plain)


def _identifier(words: str) -> str:
    return re.sub(r"\W+", "_", words).strip("_").lower() or "found"


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
