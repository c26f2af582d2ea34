"""What the pages say is so: links lead somewhere, names exist, and the code on them runs."""

import importlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.base import faults
from alys.base.errors import ExitCode
from alys.campaigns import campaign, kept, probes, tally
from alys.campaigns import told as campaign_told
from alys.cli import front as cli
from alys.config import environment, schema, secrets, settings
from alys.models.governance.faults import FAULT_NAMES
from alys.node import api, operations
from alys.node.bridge_policy import BridgePolicy
from alys.runner import catalogue, simulation
from alys.runner.verdict import PRECEDENCE
from alys.worlds.network_world import NetworkWorld
from alys.worlds.supervised import ActorsSide
from tests.campaigns import lives

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
)
README = (ROOT / "README.md").read_text(encoding="utf-8")


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def code_of(text: str) -> str:
    """The one Python block of a page."""
    (block,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(block)


@pytest.mark.parametrize("name", PAGES)
def test_every_link_and_every_path_on_a_page_leads_to_a_file(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    links = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text)]
    paths = re.findall(r"`((?:src|tests|tools|examples|docs|requirements)/[\w./-]+)`", text)
    found = [(ROOT / name).parent / link for link in links] + [ROOT / path for path in paths]
    assert [path for path in found if not path.exists()] == []


def test_every_page_of_the_documentation_is_in_its_list() -> None:
    linked = set(re.findall(r"\]\(([^)]+\.md)\)", page("README.md")))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/*/*.md")}
    assert pages <= linked


def test_the_settings_page_has_every_key_with_its_default_and_every_variable() -> None:
    text = page("reference/configuration.md")
    rows = dict(re.findall(r"^\| `([\w.]+)` \| (.+?) \|", text, re.MULTILINE))
    defaults = dict(_leaves(msgspec.to_builtins(settings.Settings())))
    told = {key: f"`{json.dumps(value)}`" for key, value in defaults.items()}
    assert rows == {**told, "world.seed": "drawn"}
    assert len(rows) == len(list(schema.leaves()))
    variables = [*environment.VARIABLES, *secrets.VARIABLES.values()]
    assert [name for name in variables if f"`{name}`" not in text] == []


def _leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def test_the_readme_has_the_exit_codes_and_their_order() -> None:
    codes = [int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)]
    assert codes == [int(code) for code in ExitCode]
    order = ", ".join(str(int(code)) for code in PRECEDENCE)
    assert f"the order is {order}" in README


def test_the_readme_has_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["test", "--help"])
    flags = set(re.findall(r"(?<!\w)--?[a-z][a-z-]*", capsys.readouterr().out)) - {"-h", "--help"}
    synopsis = next(line for line in README.splitlines() if line.startswith("alys test"))
    assert set(re.findall(r"(?<!\w)--?[a-z][a-z-]*", synopsis)) == flags


def test_the_node_page_has_every_method_and_no_other() -> None:
    """With its parameters, those that may be left out in brackets."""
    text = page("reference/node-rpc.md")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| [^|]+ \|$", text, re.MULTILINE)
    told: dict[str, tuple[str, ...]] = dict.fromkeys(api.AT_ONCE, ())
    for name, method in api.METHODS.items():
        needed = len(method.takes) - method.optional
        optional = [f"[`{one}`]" for one in method.takes[needed:]]
        told[name] = (*(f"`{one}`" for one in method.takes[:needed]), *optional)
    assert {name: tuple(filter(None, takes.strip().split(", "))) for name, takes in rows} == told
    codes = {
        int(code): int(status) for code, status in re.findall(r"^\| (-\d+) \| (\d+) \|", text, re.M)
    }
    assert codes == api.STATUSES


def test_the_supervision_page_has_every_breakage_and_no_other() -> None:
    named = re.findall(
        r"`(test_\w+noticed\w*)` \|$", page("reference/supervision.md"), re.MULTILINE
    )
    source = (ROOT / "tests/breakages/test_supervision.py").read_text(encoding="utf-8")
    there = re.findall(r"^def (test_\w+noticed\w*)\(", source, re.MULTILINE)
    assert named == there


def test_the_page_of_suites_has_every_breakage_and_every_scenario() -> None:
    text = page("reference/suites.md")
    named = re.findall(r"`(test_\w+)` \|$", text, re.MULTILINE)
    there = [
        name
        for path in sorted((ROOT / "tests/breakages").glob("test_*.py"))
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
        if re.search("noticed|proves_nothing|no_approval", name)
    ]
    assert sorted(named) == sorted(there)
    scenarios = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    files = [path.stem for paths in catalogue.suites().values() for path in paths]
    assert sorted(scenarios) == sorted(files)


def test_the_world_page_names_all_that_can_be_done_with_actors() -> None:
    text = page("reference/world.md").partition("## Actors")[2]
    verbs = {name for name in dir(ActorsSide) if name[0] != "_"}
    assert {verb for verb in verbs if f"`{verb}(" not in text} == set()


def test_the_world_page_names_what_what_a_world_has() -> None:
    text = page("reference/world.md")
    first = re.findall(r"^\| `(?:await )?(\w+)", text, re.MULTILINE)
    declared = (inspect.get_annotations(part) for part in NetworkWorld.__mro__)
    known = set(dir(NetworkWorld)).union(*declared)
    assert [name for name in first if name not in known] == []
    assert [fault for fault in FAULT_NAMES if f"`{fault}`" not in text] == []


def test_the_page_of_faults_has_every_kind_as_the_code_has_it_and_a_test_that_is_there() -> None:
    text = page("reference/faults.md")
    limits = {field.name for field in msgspec.structs.fields(faults.CallFault)}
    rows = re.findall(
        r"^\| `(\w+)` \| ([\w, ]+?) \| ([^|]*)\| [^|]+ \| `([\w/.]+)::(\w+)` \|$", text, re.M
    )
    assert [kind for kind, *_ in rows] == list(faults.KINDS)
    for kind, having, fields, file, test in rows:
        known = faults.KINDS[kind]
        told = faults.SERVICES if having == "all" else tuple(having.split(", "))
        assert told == known.services, kind
        lasting = issubclass(known, faults.Lasting)
        own = [field.name for field in msgspec.structs.fields(known)]
        own = [name for name in own if not (lasting and name in limits)]
        assert sorted(re.findall(r"`(\w+)`", fields)) == sorted(own), kind
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), test
    assert set(re.findall(r"^\| `(\w+)` \| (?:all|no limit|1) \| ", text, re.M)) >= limits
    commands = re.findall(r"^alys (inject .+)$", text, re.MULTILINE)
    assert [cli._parser().parse_args(line.split()).command for line in commands] == ["inject"] * 6


def test_the_tutorial_shows_the_example_and_it_passes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = (ROOT / "examples" / "peg_in.py").read_text(encoding="utf-8")
    shown = code_of(page("tutorial/first-scenario.md"))
    assert example.endswith(shown)
    told = run(tmp_path, shown, capsys)
    assert (told["verdict"], told["counts"]["passed"]) == ("pass", 1)


def test_the_tutorials_way_to_make_it_fail_fails_with_the_cause_it_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = code_of(page("tutorial/first-scenario.md")).replace("confirm(6)", "confirm(5)")
    told = run(tmp_path, broken, capsys)
    assert (told["verdict"], told["exit_code"]) == ("fail", 1)
    assert "never happened within 90 s of node time: the deposit is minted" in told["cause"]


def run(tmp_path: Path, code: str, capsys: pytest.CaptureFixture[str]) -> Any:
    scenario = tmp_path / "shown_scenario.py"
    scenario.write_text(code, encoding="utf-8")
    words = ["test", str(scenario), "--world", "sim", "--seed", "1", "-o", "json"]
    cli.main([*words, "--results-dir", str(tmp_path / "results")], environment={})
    return json.loads(capsys.readouterr().out)


def test_the_service_of_the_how_to_page_starts_and_says_where(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = code_of(page("how-to/services.md"))
    forever = "await asyncio.Event().wait()"
    assert shown.count(forever) == shown.count("18443") == 1
    once = shown.replace(forever, "pass").replace("18443", "0")
    exec(compile(once, "services.md", "exec"), {"__name__": "shown"})
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/?\n", capsys.readouterr().out)


def test_the_first_actor_prints_what_its_page_shows() -> None:
    text = page("tutorial/first-actor.md")
    (shown,) = re.findall(r"^It prints\n\n```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert python("-c", code_of(text)) == shown


def test_the_tests_on_the_page_about_tests_pass_in_several_orders(tmp_path: Path) -> None:
    text = page("how-to/test-an-actor.md")
    (tmp_path / "test_shown.py").write_text(code_of(text), encoding="utf-8")
    (setup,) = re.findall(r"^    (pytest_plugins = .*)$", text, re.MULTILINE)
    (tmp_path / "conftest.py").write_text(setup + "\n", encoding="utf-8")
    told = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "--actor-orders=3", str(tmp_path))
    assert "15 passed" in told


def python(*words: str) -> str:
    """What it prints; it must end well."""
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_about_the_runtime_names_what_there_is_and_all_that_an_actor_may_do() -> None:
    sections = re.split(r"^## ", page("reference/actors.md"), flags=re.MULTILINE)[1:]
    told: dict[str, set[str]] = {}
    for section in sections:
        (place,) = re.findall(r"`(alys\.[\w.]+)`$", section.partition("\n")[0])
        cells = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
        names = {name for cell in cells for name in re.findall(r"`(?:await )?(\w+)", cell)}
        assert [name for name in names if not hasattr(found(place), name)] == []
        told[place] = names
    everything = {name for name in dir(found("alys.actors.context.Context")) if name[0] != "_"}
    for_the_runtime = {"about", "forget_mark", "mark", "start_children", "take_charge", "take_over"}
    assert told["alys.actors.context.Context"] == everything - for_the_runtime
    observer = found("alys.actors.observe.Observer")
    assert told["alys.actors.observe.Observer"] == {n for n in dir(observer) if n[0] != "_"}


def found(place: str) -> Any:
    """A module or a class by its dotted name."""
    module, _, name = place.rpartition(".")
    return (
        getattr(importlib.import_module(module), name)
        if name[0].isupper()
        else importlib.import_module(place)
    )


def test_the_page_of_peg_operations_has_every_state_every_incident_and_the_figures() -> None:
    text = page("reference/peg-operations.md")
    named = re.findall(r"^\| `(\w+)` \| (peg-\w+)?", text, re.MULTILINE)
    states = [("peg-in", one.value) for one in operations.PeginState]
    states += [("peg-out", one.value) for one in operations.PegoutState]
    assert sorted((kind, name) for name, kind in named if kind) == sorted(states)
    incidents = sorted(name for name, kind in named if not kind)
    assert incidents == sorted(one.value for one in operations.IncidentKind)
    policy = BridgePolicy()
    first, second, third = policy.retry_seconds
    for figure in (
        f"every {policy.poll_seconds:g} s",
        f"asked for again after {policy.signature_timeout_seconds:g} s",
        f"after {first:g}, {second:g} and {third:g} s, then every {policy.retry_slowly_seconds:g} s",
        f"sent again every {policy.resend_seconds:g} s",
        f"| replaced | after {policy.bump_after_blocks} blocks |",
        f"| overdue | after {policy.operation_timeout_seconds:g} s |",
        f"| orphaned to gone | {policy.gone_after_blocks} blocks |",
    ):
        assert figure in text


@pytest.mark.parametrize("command", ["sim", "replay", "shrink"])
def test_the_page_of_simulation_has_every_flag_and_no_other(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    usage = capsys.readouterr().out.partition("\n\n")[0]
    flags = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", usage)) - {"-h"}
    section = page("reference/simulation.md").partition(f"\n## `alys {command}`\n")[2]
    told = re.findall(r"^\| `(--?[a-z][a-z-]*)", section.partition("\n## ")[0], re.MULTILINE)
    assert sorted(told) == sorted(flags)


def test_the_page_of_simulation_has_the_exit_codes_of_a_campaign() -> None:
    codes = re.findall(r"^\| (\d+) \|", page("reference/simulation.md"), re.MULTILINE)
    assert [int(code) for code in codes] == [0, 1, 2, 3, 4, 130]


def test_the_page_of_simulation_has_every_line_and_every_file_of_a_campaign() -> None:
    text = page("reference/simulation.md")
    for head in told_of_a_campaign():
        assert f"| `{head}` |" in text, head
    named = set(re.findall(r"^\| `([\w.]+\.(?:json|jsonl|html|xml|txt|toml))` \|", text, re.M))
    made = {"config.resolved.toml", "replay.txt", "junit.xml", "report.html", "report.json"}
    made |= {simulation.FIGURES, simulation.OUTCOME, simulation.EVENTS, simulation.TIMELINE}
    assert named == made | {kept.FILE}


def test_the_page_of_simulation_has_every_rare_state_in_the_words_of_the_code() -> None:
    section = page("reference/simulation.md").partition("### Rare states")[2].partition("###")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE)
    assert dict(rows) == probes.SAID


def told_of_a_campaign() -> set[str]:
    """The heads of all lines that there can be."""
    figures = tally.start(("rare",), ("ledger",))
    for orders in (lives.plan_of(1).orders, ()):
        plan = msgspec.structs.replace(lives.plan_of(1), orders=orders)
        figures = tally.add(figures, lives.passed(plan))
    found = campaign.Campaign(
        options=campaign.Options(),
        end="complete",
        figures=figures,
        failures=(),
        lost=(),
        wall_seconds=1.0,
    )
    lines = campaign_told.summary(found)
    return {line[:12].strip() for line in lines if line[:12].strip()}
