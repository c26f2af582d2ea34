"""``alys check``: put services and oracles round a node that somebody else started, and say requirement by requirement what it does."""

import argparse
import json as json_module
import secrets
import shlex
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alys.base import errors
from alys.cli import urls, words

if TYPE_CHECKING:
    from alys.config.settings import Settings
    from alys.report.record import RunRecord
    from alys.worlds.foreign import Subject

_CHOSEN_SEED_BELOW = 2**32


def add(commands: "words.Commands") -> None:
    """Say what the command takes."""
    check = commands.add_parser(
        "check",
        help="see whether a node that somebody else started does what a node must",
        description="Run the conformance scenarios (blocks, peg-in, peg-out, reorganisation) round a node that is up already, "
        "through outside interfaces alone. The exit code is the verdict: 0 pass, 1 fail, 2 usage or configuration, "
        "3 environment (the node or a service is not there), 4 inconclusive, 130 interrupted.",
        allow_abbrev=False,
    )
    urls.add(check)
    check.add_argument("--node-rpc", metavar="URL", help="the node's own JSON-RPC, if it has one")
    check.add_argument(
        "-k", dest="keyword", metavar="EXPR", help="only scenarios that match, as in pytest"
    )
    check.add_argument("--results-dir", metavar="DIR", help="where the run makes its folder")
    check.add_argument("--seed", metavar="N", help="decides keys and amounts of the run's users")
    check.add_argument(
        "-o", dest="output", metavar="json|text", help="what to print on standard output"
    )


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Check, print the table, write it beside the usual results."""
    settings = _settings(arguments, environment)
    subject = _subject(arguments)
    from alys.config import keys, logs
    from alys.runner import catalogue, session
    from alys.worlds import foreign, turn

    logs.set_up(settings.test_environment)
    suite, files = catalogue.resolve(catalogue.CONFORMANCE)
    doors = keys.read(environment, settings.mock_services)
    turns = turn.lease_of(settings, environment)
    assert turns is not None, "nodes by URL are driven in turns"
    request = session.RunRequest(
        suite=suite,
        target=suite,
        files=files,
        settings=settings,
        keyword=arguments.keyword,
        world="foreign",
        replay=_replay(arguments, settings),
        wall_clock=time.time,
        stopwatch=time.perf_counter,
        progress=lambda case: words.err(f"{case.outcome.value:<12}  {case.name}"),
    )
    with words.terminated_like_interrupted():
        found = session.run(
            request, lambda told: foreign.ForeignDriver(told, doors, subject, turns)
        )
    _tell(found, settings, subject)
    return found.exit_code


def _settings(arguments: argparse.Namespace, environment: Mapping[str, str]) -> "Settings":
    from alys.config import loader

    flags: loader.Flags = {
        **urls.flags(arguments),
        ("world", "seed"): ("--seed", arguments.seed),
        ("test_environment", "results_dir"): ("--results-dir", arguments.results_dir),
        ("test_environment", "report_format"): ("-o", arguments.output),
    }
    chosen: dict[tuple[str, ...], object] = {
        ("world", "kind"): "local",
        ("world", "time_scale"): 1.0,
        ("world", "seed"): secrets.randbelow(_CHOSEN_SEED_BELOW),
    }
    # The governance nodes are the node's business: whoever has them in the environment is not told off for it.
    rest = {name: text for name, text in environment.items() if "GOVERNANCE_" not in name}
    found = loader.load(arguments.config, rest, flags, chosen)
    given = found.mock_services
    for flag, url in (
        ("--bitcoin", given.bitcoin_rpc_url),
        ("--ethereum", given.ethereum_rpc_url),
        ("--engine", given.engine_api_url),
    ):
        if not url:
            raise errors.UsageError(
                f"{flag} is missing: a node is checked with the services it has"
            )
    return found


def _subject(arguments: argparse.Namespace) -> "Subject":
    from alys.config import schema
    from alys.worlds.foreign import Subject

    url = arguments.node_rpc
    if url is not None:
        schema.check(("mock_services", "bitcoin_rpc_url"), url, "flag --node-rpc", from_text=True)
    found = Subject(node_rpc=url or "", spec=urls.spec(arguments.spec))
    if not found.node_rpc and found.spec is None:
        raise errors.UsageError("without --node-rpc the specification must be given: --spec FILE")
    return found


def _replay(arguments: argparse.Namespace, settings: "Settings") -> Callable[[Path], str]:
    """The command that repeats the check; keys stay in the environment."""
    from alys.worlds import addresses

    given, world = settings.mock_services, settings.world
    typed = {
        "--bitcoin": addresses.without_user(given.bitcoin_rpc_url),
        "--ethereum": given.ethereum_rpc_url,
        "--engine": given.engine_api_url,
        "--node-rpc": arguments.node_rpc,
        "--spec": arguments.spec,
        "--time-scale": f"{world.time_scale:g}",
        "--seed": world.seed,
        "-k": arguments.keyword,
    }
    said = ["alys", "check"]
    for flag, value in typed.items():
        if value is not None:
            said += [flag, str(value)]
    return lambda _: shlex.join(said)


def _tell(found: "RunRecord", settings: "Settings", subject: "Subject") -> None:
    """The table, on standard output and in the results."""
    from alys.report import conformance, json
    from alys.worlds import addresses

    rows = conformance.table(found.cases, own_rpc=bool(subject.node_rpc), cause=found.cause)
    given = settings.mock_services
    about = {
        "verdict": found.verdict,
        "cause": found.cause or "none",
        "node": subject.node_rpc or "without its own JSON-RPC",
        "bitcoin": addresses.without_user(given.bitcoin_rpc_url),
        "ethereum": given.ethereum_rpc_url,
        "began": found.started_at,
        "alys": found.versions.alys,
    }
    folder = Path(found.results_dir)
    (folder / "conformance.md").write_text(conformance.markdown(rows, about), encoding="utf-8")
    (folder / "conformance.json").write_text(conformance.as_json(rows, about), encoding="utf-8")
    if settings.test_environment.report_format == "json":
        told = json_module.loads(json.render(found))
        told["conformance"] = json_module.loads(conformance.as_json(rows, about))["rows"]
        words.out(json_module.dumps(told, indent=2) + "\n")
        return
    words.out(conformance.render(rows))
    cause = f": {found.cause}" if found.cause else ""
    words.out(f"{found.verdict.upper()}{cause}; report: {folder / 'conformance.md'}\n")
