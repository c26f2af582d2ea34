"""What Chain says to other nodes, and to whoever in this system asks instead."""

from typing import Any

from alys.actors.context import Context
from alys.actors.message import Message
from alys.chain import state
from alys.node import branches, gossip, messages
from alys.node.names import ChainNames
from alys.node.voice import Voice
from tests.chain import chains
from tests.node.bench import Bench

NAMES = ChainNames(engine="engine", storage="storage", bitcoin="bitcoin", network="network")
ROOT = b"\x07" * 32


def said(say: Any) -> list[Message]:
    bench = Bench()
    heard = bench.probe("network")
    voice = Voice(NAMES, 2)

    async def work(ctx: Context) -> None:
        say(voice, ctx)

    bench.within(work)
    bench.run_for(1)
    return heard


def test_an_approval_goes_to_all_and_a_refusal_to_whom_the_block_came_from() -> None:
    approval = gossip.Approval(root=ROOT, authority_index=2, signature=b"s")
    assert said(lambda voice, ctx: voice.approve(ROOT, b"s", "node", ctx)) == [
        messages.Publish(item=approval)
    ]
    refusal = gossip.Refusal(
        root=ROOT, authority_index=2, reason="out-of-turn", detail="slot 3", height=7
    )
    told = said(lambda voice, ctx: voice.refuse("node", ROOT, "out-of-turn", "slot 3", 7, ctx))
    assert told == [messages.SendTo(peer="node", item=refusal)]


def test_an_offer_from_within_the_system_is_answered_there() -> None:
    assert said(lambda voice, ctx: voice.approve(ROOT, b"s", "", ctx)) == []
    assert said(lambda voice, ctx: voice.refuse("", ROOT, "r", "d", 7, ctx)) == []


def test_sealed_blocks_are_shown_to_a_peer_and_to_nobody_without_a_name() -> None:
    first = branches.known(chains.genesis(), state.genesis_state(chains.genesis()))
    told = said(lambda voice, ctx: voice.show("node", [first], ctx))
    assert [type(one) for one in told] == [messages.SendTo]
    assert said(lambda voice, ctx: voice.show("", [first], ctx)) == []
