"""A Bitcoin node and a sidechain node's desk on real ports, for miners to work with."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from alys.actors.message import Request
from alys.chain import state
from alys.chain.blocks import AuxPowHeader
from alys.chain.spec import ChainSpec
from alys.chain.state import PegState
from alys.node.questions import CreateAuxBlock, SubmitAuxBlock
from alys.node.work import WorkDesk
from alys.shells.jsonrpc_server import RunningServer
from alys.shells.node_server import serve_node
from tests.chain.chains import RETARGETING, SPEC, genesis, grow

FEES_TO = "0x" + "aa" * 20
START = 1_767_225_600


class Desk(msgspec.Struct, kw_only=True):
    """What stands for the node: some blocks that wait for finality, and its desk."""

    desk: WorkDesk
    now: PegState
    given: int = 0

    @property
    def queued(self) -> AuxPowHeader | None:
        """The proof that the next block would carry."""
        return self.desk.queued_on(self.now)

    async def ask(self, actor: str, request: Request[Any]) -> Any:
        """As Chain answers a miner."""
        assert actor == "chain"
        if isinstance(request, CreateAuxBlock):
            self.given += 1
            return self.desk.give(self.now, request.fee_recipient)
        assert isinstance(request, SubmitAuxBlock)
        self.desk.take(self.now, request.aux_hash, request.auxpow)
        return None


def desk(blocks: int = 3, spec: ChainSpec = SPEC, **changes: Any) -> Desk:
    """So many blocks wait."""
    now = state.genesis_state(genesis())
    for _ in range(blocks):
        now = grow(now, spec=spec)
    return Desk(desk=WorkDesk(spec), now=msgspec.structs.replace(now, **changes))


@contextlib.asynccontextmanager
async def served(node: Desk) -> AsyncIterator[RunningServer]:
    """Its JSON-RPC."""
    server = await serve_node(RETARGETING, node.ask)
    try:
        yield server
    finally:
        await server.close()
