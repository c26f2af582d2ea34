"""A node of the federation that lies about its chain: production goes on after a moment, and the liar is left alone."""

from pathlib import Path
from typing import Any

import pytest

from tests.worlds.test_nodes import federation

LIAR = '''
from alys.actors.actor import Actor
from alys.actors.supervision import ChildSpec
from alys.node import gossip, ports
from alys.worlds.wires import WirePort

class Liar(Actor):
    """Claims ever greater heights; answers nothing, or junk."""

    def __init__(self, world, answer):
        self.world, self.answer = world, answer

    def on_start(self, ctx):
        ctx.tell(ctx.whereis("node-2/ports/wire"), ports.WireListen())
        for peer in ("node", "node-1"):
            ctx.tell(ctx.whereis("node-2/ports/wire"), ports.WireDial(peer=peer, address=peer))

    def on_up(self, message: ports.WireUp, ctx):
        self.height = 60
        self.claim(message.peer, ctx)

    def claim(self, peer, ctx):
        self.height += 1
        status = gossip.Status(
            height=self.height,
            head_root=self.height.to_bytes(32, "big"),
            finalised_height=1,
            finalised_root=bytes(32),
        )
        self.say(peer, status, ctx)

    def say(self, peer, item, ctx):
        sent = ports.WireSend(peer=peer, data=gossip.encode(item))
        ctx.tell(ctx.whereis("node-2/ports/wire"), sent)

    def on_received(self, message: ports.WireReceived, ctx):
        item = gossip.decode(message.data)
        if isinstance(item, gossip.BlocksRequest) and self.answer is not None:
            response = gossip.BlocksResponse(number=item.number, blocks=self.answer)
            self.say(message.peer, response, ctx)
        elif isinstance(item, gossip.Status):
            self.claim(message.peer, ctx)

    def on_down(self, message: ports.WireDown, ctx):
        pass

def put(world, name, factory):
    spec = ChildSpec(name=name.replace("/", "-") + "-liar", factory=factory, register=name)
    world.system.spawn(spec)

async def lie(world, answer):
    await world.nodes.kill(2)
    put(world, "node-2/ports/wire", lambda: WirePort(world.wires, "node-2"))
    put(world, "node-2/network", lambda: Liar(world, answer))

'''

BODY = """
    await all_at(world, 4)
    await lie(world, {answer})
    before, began = max(h for h, _ in (await heads(world)).values()), world.now()

    async def believed():
        state = await world.nodes.call(0, "alys_sync")
        return any(c["peer"] == "node-2" and c["height"] > 50 for c in state["claims"])

    await world.eventually(believed, "the lie is heard")
    await all_at(world, before + 6)
    waited = world.now() - began
    world.check(waited < 40, "production goes on", waited=waited)
    records = await world.nodes.call(0, "alys_peerRecords")
    liar = next(one for one in records if one["name"] == "node-2")
    world.check(liar["score"] < 50, "the liar is thought less of", liar=liar)
    honest = next(one for one in records if one["name"] == "node-1")
    world.check(honest["score"] >= 50, "the honest one is not", honest=honest)
"""


@pytest.mark.parametrize("answer", ["None", "()", "(b'junk',) * 3"])
def test_a_lying_peer_stops_production_for_a_moment_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: str
) -> None:
    told: Any = federation(
        tmp_path, capsys, BODY.format(answer=answer), "--world", "sim", before=LIAR
    )
    assert told["exit_code"] == 0, told["causes"]
