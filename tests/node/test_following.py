"""What Chain tells Sync and Peers."""

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message
from alys.chain import state
from alys.node import messages
from alys.node.following import Following
from alys.node.names import ChainNames
from tests.chain.chains import genesis
from tests.node.bench import Bench
from tests.node.listeners import listeners


class Do(Message, frozen=True, kw_only=True):
    what: str


class Teller(Actor):
    """Says all of it once."""

    def __init__(self, names: ChainNames) -> None:
        self._following = Following(names)

    def on_do(self, message: Do, ctx: Context) -> None:
        self._following.head_changed(state.genesis_state(genesis()), ctx)
        self._following.parent_missing("a", 7, ctx)
        self._following.parent_missing("", 7, ctx)
        self._following.taken("a", 3, "why", ctx)
        self._following.deed("a", "bad_approval", 2, ctx)
        self._following.deed("", "bad_approval", 2, ctx)


def names(**others: str) -> ChainNames:
    return ChainNames(engine="e", storage="s", bitcoin="b", network="n", **others)


def test_all_of_it_is_told_but_what_nobody_said() -> None:
    bench = Bench()
    heard = listeners(bench, "sync", "peer")
    bench.start("teller", lambda: Teller(names(sync="sync", peer="peer")))
    bench.tell("teller", Do(what="all"))
    head = state.genesis_state(genesis())
    assert heard["sync"] == [
        messages.HeadChanged(
            height=0,
            root=head.head_root,
            slot=0,
            finalised_height=0,
            finalised_root=head.finalised_root,
        ),
        messages.ParentMissing(origin="a", height=7),
        messages.BlocksTaken(origin="a", imported=3, fault="why"),
    ]
    assert heard["peer"] == [messages.PeerDid(peer="a", deed="bad_approval", authority=2)]


def test_a_chain_that_is_alone_tells_nobody() -> None:
    bench = Bench()
    bench.start("teller", lambda: Teller(names()))
    bench.tell("teller", Do(what="all"))
    assert not bench.failures.errors
