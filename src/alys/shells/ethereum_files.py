"""The files an execution client may begin with: a geth-style genesis.json, and blocks as ``geth export`` writes them."""

import gzip
import json
import logging
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from alys.base.errors import UsageError
from alys.base.prng import Random
from alys.models.ethereum import dev_accounts
from alys.models.ethereum.chain_file import ImportRefused, import_chain
from alys.models.ethereum.genesis import BadGenesis, Genesis, dev_genesis, read_genesis
from alys.models.ethereum.node import EthereumNode
from alys.wire.jsonrpc import too_deep

LOG = logging.getLogger(__name__)

_GZIP = b"\x1f\x8b"


class ChainFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What was read, once, before anything is served."""

    genesis: Genesis | None = None
    """None: the development genesis, of the second in which a session begins."""
    chain: bytes = b""
    chain_path: str = ""

    def begin(
        self,
        now: Callable[[], float],
        chance: Random,
        *,
        development: bool = False,
        accounts: int = 0,
    ) -> EthereumNode:
        """A client on a fresh chain. A block that cannot be imported is logged; those before it stay.

        So many development ``accounts`` are held, and have ether unless the genesis is a file's.
        """
        balances = dev_accounts.balances(accounts)
        genesis = self.genesis or dev_genesis(int(now()), balances=balances)
        node = EthereumNode(genesis, now, chance, development=development, accounts=accounts)
        if self.chain:
            try:
                count = import_chain(node.client, self.chain)
                LOG.info("%s: %d blocks imported", self.chain_path, count)
            except ImportRefused as error:
                LOG.error("%s: %s", self.chain_path, error)
        return node


def read_files(genesis: str, chain: str) -> ChainFiles:
    """The two files by their paths, empty for none; raises UsageError for what cannot be read or cannot be a genesis."""
    if not genesis:
        if chain:
            raise UsageError(
                f"--import {chain} needs --genesis: without it each session begins with a block 0 of its own second"
            )
        return ChainFiles()
    text = _read(genesis)
    if too_deep(text):
        raise UsageError(f"{genesis} is not JSON of a genesis: it nests too deep")
    try:
        document = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{genesis} is not JSON: {error}") from error
    try:
        read = read_genesis(document)
    except BadGenesis as error:
        raise UsageError(f"{genesis}: {error}") from error
    return ChainFiles(genesis=read, chain=_blocks(chain) if chain else b"", chain_path=chain)


def _blocks(path: str) -> bytes:
    """The blocks' bytes; ``geth export`` compresses where the name ends in .gz."""
    data = _read(path)
    if not data.startswith(_GZIP):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{path} is not whole gzip: {error}") from error


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
