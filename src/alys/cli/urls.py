"""Flags that name services by URL, for the commands that start none of their own."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from alys.base import errors

if TYPE_CHECKING:
    from alys.chain.spec import ChainSpec
    from alys.config.loader import Flags


def add(parser: argparse.ArgumentParser) -> None:
    """Say which flags there are; each has a variable, as everywhere."""
    parser.add_argument(
        "--bitcoin", metavar="URL", help="a Bitcoin node's JSON-RPC (BITCOIN_RPC_URL)"
    )
    parser.add_argument(
        "--ethereum", metavar="URL", help="the execution client's JSON-RPC (ETHEREUM_RPC_URL)"
    )
    parser.add_argument("--engine", metavar="URL", help="its Engine API (ENGINE_API_URL)")
    parser.add_argument("--spec", metavar="FILE", type=Path, help="the chain's specification, JSON")
    parser.add_argument(
        "--time-scale",
        metavar="X",
        help="seconds of the node's clock per wall second, 1 unless told",
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings, TOML")


def flags(arguments: argparse.Namespace) -> "Flags":
    """As the loader takes them."""
    return {
        ("mock_services", "bitcoin_rpc_url"): ("--bitcoin", arguments.bitcoin),
        ("mock_services", "ethereum_rpc_url"): ("--ethereum", arguments.ethereum),
        ("mock_services", "engine_api_url"): ("--engine", arguments.engine),
        ("world", "time_scale"): ("--time-scale", arguments.time_scale),
    }


def spec(path: Path | None) -> "ChainSpec | None":
    """The specification in a file; raises UsageError for one that is none."""
    if path is None:
        return None
    from alys.chain import spec_document

    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise errors.UsageError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise errors.UsageError(f"{path} is no JSON: {error}") from error
    # The answer of alys_spec may be given as it came.
    if isinstance(document, dict) and isinstance(document.get("result"), dict):
        document = document["result"]
    return spec_document.read(document)
