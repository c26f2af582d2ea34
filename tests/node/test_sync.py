"""Sync: catching up, whom it believes, when the node may produce, and what it gives to others."""

import msgspec
import pytest

from alys.actors.message import Message
from alys.chain import blocks
from alys.node import gossip, messages, records, storage
from alys.node.storage import Storage
from alys.node.sync import GetSyncStatus, Sync, SyncFigures, SyncNames, SyncStatus
from tests.node.bench import START, Bench
from tests.node.branches import Branch, branch
from tests.node.listeners import listeners, taken

NAMES = SyncNames(chain="chain", network="network", peer="peer", storage="storage")
FIGURES = SyncFigures()
SLOT_MS = 2000
MAIN = branch(400)
OTHER = branch(400, "other", MAIN, after=100)
NOW_SLOT = int(START * 1000) // SLOT_MS


class Started:
    """A Sync between listeners; the node's chain is this test's."""

    def __init__(self, bench: Bench | None = None, **figures: object) -> None:
        if bench is None:
            bench = Bench()
            bench.store("store")
            bench.start("storage", lambda: Storage("store"))
        self.bench = bench
        self.heard = listeners(bench, "chain", "network", "peer")
        chosen = msgspec.structs.replace(FIGURES, **figures)
        make = lambda: Sync(NAMES, slot_duration_ms=SLOT_MS, figures=chosen)  # noqa: E731
        bench.start("sync", make)
        assert taken(self.heard["network"]) == [messages.WhoIsThere()]

    def tell(self, *told: Message) -> None:
        for message in told:
            self.bench.tell("sync", message)

    def at(self, height: int, finalised: int = 0, on: Branch = MAIN) -> None:
        """The node's head."""
        head = on.head(height, finalised)
        self.tell(msgspec.structs.replace(head, slot=NOW_SLOT - 1000))

    def says(self, peer: str, status: gossip.Status) -> None:
        self.tell(messages.StatusHeard(peer=peer, status=status))

    def requests(self) -> list[tuple[str, int, int]]:
        """Whom was asked, from where, for how many; remembers the number of the last."""
        found = []
        for told in taken(self.heard["network"]):
            if isinstance(told, messages.SendTo) and isinstance(told.item, gossip.BlocksRequest):
                self.number = told.item.number
                found.append((told.peer, told.item.start, told.item.count))
        return found

    def answer(self, peer: str, *encoded: bytes, number: int | None = None) -> None:
        response = gossip.BlocksResponse(
            number=self.number if number is None else number, blocks=encoded
        )
        self.tell(messages.BlocksAnswered(peer=peer, response=response))

    def fetched(self) -> list[tuple[bytes, ...]]:
        told = taken(self.heard["chain"])
        return [m.blocks for m in told if isinstance(m, messages.BlocksFetched)]

    def synced(self) -> list[bool]:
        told = taken(self.heard["chain"])
        return [m.synced for m in told if isinstance(m, messages.SyncState)]

    def deeds(self) -> list[tuple[str, str]]:
        told = taken(self.heard["peer"])
        return [(m.peer, m.deed) for m in told if isinstance(m, messages.PeerDid)]

    def took(self, peer: str, imported: int, fault: str = "") -> None:
        self.tell(messages.BlocksTaken(origin=peer, imported=imported, fault=fault))

    def status(self) -> SyncStatus:
        return self.bench.ask("sync", GetSyncStatus())

    def walk(self, peer: str, on: Branch, start: int, most: int) -> None:
        """Answer as an honest peer whose blocks are sound, until nothing more is asked."""
        while wanted := self.requests():
            ((name, begin, count),) = wanted
            assert (name, begin) == (peer, start)
            given = on.some(begin, min(count, most))
            self.answer(peer, *given)
            assert self.fetched() == [given]
            start += len(given)
            self.at(start - 1, on=on)
            self.took(peer, len(given))


# Statuses


def test_peers_are_told_where_the_node_stands() -> None:
    run = Started()
    run.tell(messages.PeerConnected(peer="a"))
    assert run.heard["network"] == []  # it does not know yet
    run.at(7, finalised=3)
    said = messages.Publish(item=MAIN.status(7, 3))
    assert taken(run.heard["network"]) == [said]
    run.tell(messages.PeerConnected(peer="a"))
    assert taken(run.heard["network"]) == [messages.SendTo(peer="a", item=MAIN.status(7, 3))]
    run.bench.run_for(FIGURES.status_seconds)
    assert taken(run.heard["network"]) == [said]


def test_heads_that_follow_fast_are_told_once_a_second() -> None:
    run = Started(status_seconds=1000.0)
    for height in range(1, 11):
        run.at(height)
    assert taken(run.heard["network"]) == [messages.Publish(item=MAIN.status(1))]
    run.bench.run_for(FIGURES.status_seconds_min)
    assert taken(run.heard["network"]) == [messages.Publish(item=MAIN.status(10))]


def test_who_was_restarted_alone_asks_chain_where_the_node_stands_until_it_is_told() -> None:
    """Chain says it by itself only when its head changes: a node that lacks blocks would never lack them less."""
    run = Started()
    run.bench.run_for(2 * FIGURES.status_seconds)
    asked = taken(run.heard["chain"])
    assert asked == [messages.WhereIsHead()] * 2
    run.at(7)
    run.bench.run_for(2 * FIGURES.status_seconds)
    assert messages.WhereIsHead() not in taken(run.heard["chain"])


# Catching up


def test_a_node_far_behind_walks_in_batches_the_first_of_them_small() -> None:
    run = Started()
    run.at(0)
    run.says("a", MAIN.status())
    asked = run.requests()
    assert asked == [("a", 1, FIGURES.probe_blocks)]
    run.answer("a", *MAIN.some(1, 16))
    assert run.fetched() == [MAIN.some(1, 16)]
    assert run.requests() == []
    run.at(16)
    run.took("a", 16)
    assert run.requests() == [("a", 17, FIGURES.batch_blocks)]
    run.answer("a", *MAIN.some(17, 100))  # as many as the answer holds
    assert run.fetched() == [MAIN.some(17, 100)]
    run.at(116)
    run.took("a", 100)
    run.walk("a", MAIN, 117, 150)
    assert run.status().own_height == 400
    assert run.status().phase == "following"
    assert set(run.deeds()) == {("a", "useful_range")}


def test_a_single_block_that_is_lacking_is_waited_for_first() -> None:
    run = Started()
    run.at(10)
    run.says("a", MAIN.status(11))
    assert run.requests() == []
    run.bench.run_for(FIGURES.gossip_seconds)
    assert run.requests() == [("a", 11, 1)]
    other = Started()
    other.at(10)
    other.says("a", MAIN.status(11))
    other.at(11)  # it came by itself
    other.bench.run_for(FIGURES.gossip_seconds)
    assert other.requests() == []


def test_a_block_whose_parent_is_missing_is_reason_enough() -> None:
    run = Started()
    run.at(10)
    run.says("a", MAIN.status(10))
    run.tell(messages.ParentMissing(origin="a", height=12))
    assert run.requests() == [("a", 11, 1)]
    run.answer("a")
    assert run.deeds() == []  # it may have passed a block on that it could not place itself
    run.bench.run_for(60.0)
    assert run.requests() == []


def test_a_chain_that_parts_below_the_head_is_fetched_from_the_last_final_block() -> None:
    run = Started()
    run.at(105, finalised=98)
    run.says("a", OTHER.status(110))
    assert run.requests() == [("a", 106, 5)]
    run.answer("a", *OTHER.some(106, 5))
    assert run.fetched() == []
    assert run.requests() == [("a", 99, 12)]
    both = MAIN.some(99, 2) + OTHER.some(101, 10)
    run.answer("a", *both)
    assert run.fetched() == [both]
    run.took("a", 12)  # stored beside the head, which Chain likes better
    run.bench.run_for(60.0)
    assert run.requests() == []  # nothing is fetched twice
    run.says("a", OTHER.status(120))
    assert run.requests() == [("a", 106, 15)]


def test_a_sibling_of_the_head_is_fetched() -> None:
    run = Started()
    run.at(101, finalised=98)
    run.says("a", OTHER.status(101))
    run.bench.run_for(FIGURES.gossip_seconds)
    assert run.requests() == [("a", 99, 3)]


def test_a_later_final_block_is_worth_a_lower_head() -> None:
    run = Started()
    run.at(110, finalised=98)
    run.says("a", OTHER.status(105, finalised=103))
    run.bench.run_for(FIGURES.gossip_seconds)
    assert run.requests() == [("a", 99, 7)]


def test_a_chain_that_parts_below_the_last_final_block_is_left_alone() -> None:
    run = Started()
    run.at(105, finalised=103)
    run.says("a", OTHER.status(120))
    run.requests()
    run.answer("a", *OTHER.some(106, 15))
    assert run.requests() == [("a", 104, 16)]
    run.answer("a", *OTHER.some(104, 16))
    assert run.fetched() == []
    run.bench.run_for(60.0)
    assert run.requests() == []
    assert run.deeds() == []
    assert run.status().synced


# Whom to believe


def ahead(run: Started, *peers: str, height: int = 300) -> None:
    run.at(0)
    run.tell(messages.PeersRanked(peers=peers))
    for peer in peers:
        run.says(peer, MAIN.status(height))


def test_the_best_peer_is_asked_and_the_next_when_it_does_not_answer() -> None:
    run = Started()
    run.tell(messages.PeersRanked(peers=("b", "a")))
    ahead(run, "b", "a")
    assert run.requests() == [("b", 1, 16)]
    run.bench.run_for(FIGURES.probe_seconds)
    assert run.deeds() == [("b", "timeout")]
    assert run.requests() == [("a", 1, 16)]
    number = run.number
    run.answer("b", *MAIN.some(1, 16))  # too late
    run.answer("b", *MAIN.some(1, 16), number=number - 1)
    assert run.fetched() == []
    run.answer("a", *MAIN.some(1, 16))
    assert run.fetched() == [MAIN.some(1, 16)]


def test_a_peer_that_gave_before_is_tried_three_times() -> None:
    run = Started()
    ahead(run, "a")
    run.requests()
    run.answer("a", *MAIN.some(1, 16))
    run.at(16)
    run.took("a", 16)
    for _ in range(FIGURES.tries_per_peer):
        assert run.requests() == [("a", 17, 256)]
        run.bench.run_for(FIGURES.request_seconds)
    assert run.requests() == []
    assert run.deeds() == [("a", "useful_range")] + [("a", "timeout")] * 3


@pytest.mark.parametrize(
    ("answer", "deed"),
    [
        ((), "empty_range"),
        ((b"junk",), "junk_range"),
        (MAIN.some(2, 3), "junk_range"),
        (MAIN.some(1, 17), "junk_range"),
    ],
)
def test_a_peer_that_cannot_redeem_its_claim_holds_up_nobody(
    answer: tuple[bytes, ...], deed: str
) -> None:
    run = Started()
    run.at(0)
    run.says("liar", MAIN.status())
    assert not run.status().synced
    run.requests()
    run.answer("liar", *answer)
    assert run.deeds() == [("liar", deed)]
    assert run.synced()[-1:] == [True]
    run.says("liar", MAIN.status())  # again and again
    assert run.status().synced
    run.bench.run_for(FIGURES.doubt_seconds - 1.0)
    assert run.requests() == []
    run.says("honest", MAIN.status(20))
    assert run.requests() == [("honest", 1, 16)]


def test_a_peer_that_is_silent_holds_up_production_for_one_short_request() -> None:
    run = Started()
    run.at(100)
    run.says("liar", MAIN.status())
    assert not run.status().synced
    run.bench.run_for(FIGURES.probe_seconds)
    assert run.status().synced


def test_heights_that_no_chain_can_have_hold_up_nothing() -> None:
    run = Started()
    run.at(100)
    lie = msgspec.structs.replace(MAIN.status(), height=10**9)
    run.says("liar", lie)
    assert run.status().best_height == 100


def test_chains_verdict_decides_over_the_peer() -> None:
    run = Started()
    ahead(run, "a")
    run.requests()
    run.answer("a", *MAIN.some(1, 16))
    run.at(3)
    run.took("a", 3, "wrong withdrawals")
    assert run.deeds() == [("a", "junk_range")]
    assert run.requests() == []


def test_blocks_that_chain_cannot_judge_now_are_fetched_later_from_the_same_peer() -> None:
    run = Started()
    ahead(run, "a")
    run.requests()
    run.answer("a", *MAIN.some(1, 16))
    run.at(3)
    run.took("a", 3)
    assert run.deeds() == []
    assert run.requests() == []
    run.bench.run_for(FIGURES.status_seconds)
    assert run.requests() == [("a", 4, 256)]


def test_a_verdict_that_never_comes_ends_the_walk() -> None:
    run = Started()
    ahead(run, "a")
    run.requests()
    run.answer("a", *MAIN.some(1, 16))
    run.bench.run_for(FIGURES.taken_seconds)
    assert run.requests() == [("a", 1, 256)]
    assert run.deeds() == []


def test_a_peer_that_leaves_takes_its_claim_along() -> None:
    run = Started()
    ahead(run, "a", "b")
    run.requests()
    run.tell(messages.PeerDisconnected(peer="a", reason="gone"))
    assert run.requests() == [("b", 1, 16)]
    run.tell(messages.PeerDisconnected(peer="b", reason="gone"))
    assert run.requests() == []
    assert run.synced()[-1] is True
    assert run.deeds() == []


# The gate


@pytest.mark.parametrize(
    ("own", "best", "gate_is_open"), [(198, 200, False), (394, 396, False), (398, 400, True)]
)
def test_the_gate_opens_at_995_of_1000(own: int, best: int, gate_is_open: bool) -> None:
    """While nothing is fetched: here Chain could not judge what was."""
    run = Started()
    run.at(own)
    run.says("a", MAIN.status(best))
    assert run.requests() == [("a", own + 1, 2)]
    assert not run.status().synced  # what is fetched may change the head
    run.answer("a", *MAIN.some(own + 1, 2))
    run.took("a", 0)
    assert run.status().synced is gate_is_open


@pytest.mark.parametrize("own", [3, 199])
def test_one_block_that_others_have_a_moment_earlier_keeps_nobody_from_producing(own: int) -> None:
    run = Started()
    run.at(own)
    run.says("a", MAIN.status(own + 1))
    assert run.status().synced
    run.bench.run_for(FIGURES.gossip_seconds)
    assert run.requests() == [("a", own + 1, 1)]
    assert run.status().synced
    run.says("a", MAIN.status(own + 2))
    run.answer("a", *MAIN.some(own + 1, 1))
    run.took("a", 0)
    assert not run.status().synced


def test_a_node_waits_for_a_first_word_before_it_produces_but_not_for_ever() -> None:
    run = Started()
    run.at(5)
    assert run.synced() == [False]
    run.bench.run_for(FIGURES.settle_seconds)
    assert run.synced() == [True]
    other = Started()
    other.at(5)
    other.says("a", MAIN.status(5))
    assert other.synced() == [False, True]


def test_a_chain_that_begins_anew_is_told_again() -> None:
    run = Started()
    run.bench.run_for(FIGURES.settle_seconds)
    run.at(5)
    run.at(5)
    assert run.synced() == [True, True]


# Checkpoints


def stored(run: Started, on: Branch, height: int) -> None:
    """Put blocks into the node's Storage, all of them on its chain."""
    for number in range(1, height + 1):
        (data,) = on.some(number, 1)
        root = on.root(number)
        block = storage.StoredBlock(
            root=root, parent=on.root(number - 1), height=number, block=data, state=b"state"
        )
        mark = records.HeadMark(
            root=root, height=number, finalised_root=root, finalised_height=number
        )
        run.bench.ask("storage", storage.StoreBlocks(blocks=(block,), head=mark))


def test_checkpoints_are_kept_every_so_many_final_blocks_and_the_last_ones_only() -> None:
    run = Started(checkpoint_blocks=10, checkpoints_kept=3)
    stored(run, MAIN, 60)
    for finalised in (5, 10, 19, 34, 41, 55):
        run.at(60, finalised)
    assert run.status().checkpoints == (30, 40, 50)
    run.bench.kill("sync")
    for name in ("chain", "network", "peer"):
        run.bench.stop(name)
    again = Started(run.bench, checkpoint_blocks=10, checkpoints_kept=3)
    assert again.status().checkpoints == (30, 40, 50)
    again.at(45, finalised=20)  # below its own checkpoint: blocks were lost
    again.bench.run_for(FIGURES.settle_seconds)
    assert not again.status().synced
    fork = branch(60, "fork")
    again.says("a", fork.status())
    again.requests()
    again.answer("a", *fork.some(46, 15))
    assert again.deeds() == [("a", "junk_range")]


# For others


def test_what_is_asked_for_is_answered_from_storage_within_bounds() -> None:
    size = len(MAIN.some(1, 1)[0])
    run = Started(response_bytes=3 * size + 20, batch_blocks=10)
    stored(run, MAIN, 40)
    run.at(40)
    taken(run.heard["network"])

    def ask(start: int, count: int) -> list[int]:
        request = gossip.BlocksRequest(number=9, start=start, count=count)
        run.tell(messages.BlocksAsked(peer="a", request=request))
        (told,) = taken(run.heard["network"])
        assert isinstance(told, messages.SendTo)
        assert isinstance(told.item, gossip.BlocksResponse)
        assert (told.peer, told.item.number) == ("a", 9)
        return [blocks.decode(data).block.height for data in told.item.blocks]

    assert ask(3, 2) == [3, 4]
    assert ask(3, 100) == [3, 4, 5]
    assert ask(39, 100) == [39, 40]
    assert ask(41, 5) == []
    assert ask(-5, 5) == []
    assert ask(3, 0) == []
    assert ask(3, -1) == []
    assert ask(2**62, 2**62) == []


def test_a_peer_that_asks_without_end_is_answered_at_a_rate() -> None:
    run = Started(serves_per_second=1.0)
    run.at(0)
    taken(run.heard["network"])
    for _ in range(100):
        request = gossip.BlocksRequest(number=1, start=1, count=1)
        run.tell(messages.BlocksAsked(peer="a", request=request))
    assert len(taken(run.heard["network"])) == 10
