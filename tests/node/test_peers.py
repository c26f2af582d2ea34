"""Peers: scores that go by deeds, bans, dialling, and what is kept over a restart."""

import pytest

from alys.actors.message import Message
from alys.node import messages
from alys.node.peers import (
    BAN_SCORE,
    BAN_SECONDS,
    DEEDS,
    SAVE_SECONDS,
    SCORE_AFTER_BAN,
    SCORE_START,
    STABLE_SECONDS,
    GetPeerRecords,
    KnownPeer,
    PeerFigures,
    PeerNames,
    PeerRecordLine,
    Peers,
)
from alys.node.storage import Storage
from tests.node.bench import Bench
from tests.node.listeners import listeners, taken

NAMES = PeerNames(network="network", sync="sync", storage="storage")
KNOWN = tuple(
    KnownPeer(name=name, authority=index, address=f"{name}:1") for index, name in enumerate("abc")
)
START = [messages.WhoIsThere(), *(messages.ConnectToPeer(peer=p, address=f"{p}:1") for p in "abc")]


class Started:
    def __init__(self, bench: Bench | None = None, figures: PeerFigures | None = None) -> None:
        if bench is None:
            bench = Bench()
            bench.store("store")
            bench.start("storage", lambda: Storage("store"))
        self.bench = bench
        self.heard = listeners(bench, "network", "sync")
        bench.start("peers", lambda: Peers(KNOWN, NAMES, figures))

    def tell(self, *told: Message) -> None:
        for message in told:
            self.bench.tell("peers", message)

    def up(self, *peers: str, address: str = "") -> None:
        self.tell(*(messages.PeerConnected(peer=peer, address=address) for peer in peers))

    def down(self, peer: str, *, reached: bool = True) -> None:
        self.tell(messages.PeerDisconnected(peer=peer, reason="gone", reached=reached))

    def did(self, peer: str, *deeds: str, authority: int | None = None) -> None:
        self.tell(*(messages.PeerDid(peer=peer, deed=d, authority=authority) for d in deeds))

    def orders(self) -> list[Message]:
        return taken(self.heard["network"])

    def ranks(self) -> list[tuple[str, ...]]:
        told = taken(self.heard["sync"])
        return [m.peers for m in told if isinstance(m, messages.PeersRanked)]

    def line(self, peer: str) -> PeerRecordLine:
        lines = self.bench.ask("peers", GetPeerRecords())
        return next(line for line in lines if line.name == peer)

    def dials(self, seconds: float) -> list[str]:
        self.bench.run_for(seconds)
        return [m.address for m in self.orders() if isinstance(m, messages.ConnectToPeer)]


def test_a_start_asks_who_is_there_and_dials_everybody() -> None:
    run = Started()
    assert run.orders() == START
    run.up("a")
    run.bench.run_for(60.0)
    assert run.orders() == []  # who is connected, or being dialled, is not dialled


@pytest.mark.parametrize("deed", sorted(DEEDS))
def test_a_deed_moves_the_score_by_its_worth(deed: str) -> None:
    run = Started()
    run.did("a", deed)
    assert run.line("a").score == SCORE_START + DEEDS[deed]


def test_scores_stay_within_their_bounds_and_unknown_things_change_nothing() -> None:
    run = Started()
    run.did("a", *["useful_range"] * 100, "no such deed")
    run.did("nobody", "junk_range")
    assert run.line("a").score == 100


def test_only_the_author_is_blamed_where_the_author_is_known() -> None:
    run = Started()
    run.did("b", "invalid_block", authority=0)
    assert run.line("b").score == SCORE_START
    run.did("b", "invalid_block", authority=1)
    assert run.line("b").score == SCORE_START + DEEDS["invalid_block"]


def test_the_best_score_is_asked_first_and_only_changes_are_told() -> None:
    run = Started()
    run.up("a", "b", "c")
    assert run.ranks() == [("a",), ("a", "b"), ("a", "b", "c")]
    run.did("c", "useful_block")
    run.did("c", "useful_block")
    assert run.ranks() == [("c", "a", "b")]
    run.down("c")
    assert run.ranks() == [("a", "b")]


def test_a_ban_disconnects_for_its_time_and_then_the_peer_is_tried_again() -> None:
    run = Started()
    run.up("a", "b", "c")
    run.orders()
    run.did("a", "junk_range", "junk_range")
    ban = [messages.DisconnectPeer(peer="a", reason="banned")]
    assert run.orders() == ban
    assert run.line("a").score == SCORE_AFTER_BAN > BAN_SCORE
    assert run.line("a").banned_for_seconds == BAN_SECONDS
    run.down("a")
    assert run.dials(BAN_SECONDS / 2) == []
    run.up("a")
    assert run.orders() == ban
    run.down("a")
    assert run.dials(BAN_SECONDS / 2 - 1.0) == []
    assert run.dials(2.0) == ["a:1"]


def test_dials_that_fail_are_repeated_ever_later_and_one_that_lasts_begins_anew() -> None:
    run = Started(figures=PeerFigures(peers_min=0))
    run.orders()
    run.up("b", "c")
    waits = []
    for _ in range(7):
        run.down("a", reached=False)
        waited = 0.0
        while not run.dials(0.5):
            waited += 0.5
        waits.append(waited + 0.5)
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    run.up("a")
    run.bench.run_for(STABLE_SECONDS)
    run.down("a")
    assert run.dials(0.5) == ["a:1"]
    run.up("a")
    run.down("a")  # sent away at once
    assert run.dials(0.5) == []
    assert run.dials(0.5) == ["a:1"]


def test_nobody_is_waited_for_long_while_there_are_too_few() -> None:
    run = Started()
    run.orders()
    for _ in range(10):
        run.down("a", reached=False)
    assert run.dials(5.0) == ["a:1"]


def test_no_more_than_the_target_are_dialled() -> None:
    run = Started(figures=PeerFigures(peers_target=2))
    run.orders()
    run.up("a", "b")
    run.down("c", reached=False)
    assert run.dials(60.0) == []


def test_addresses_that_peers_tell_are_tried_in_turn_and_kept() -> None:
    run = Started()
    run.orders()
    run.up("a", address="a:2")
    run.bench.run_for(STABLE_SECONDS)
    run.down("a")
    assert run.dials(1.0) == ["a:2"]
    run.down("a", reached=False)
    assert run.dials(2.0) == ["a:1"]
    run.did("b", "useful_range")
    run.bench.run_for(SAVE_SECONDS)
    run.bench.kill("peers")
    run.bench.stop("network")
    run.bench.stop("sync")
    again = Started(run.bench)
    assert again.line("a").addresses == ("a:1", "a:2")
    assert again.line("b").score == SCORE_START + DEEDS["useful_range"]


def test_who_is_not_on_the_list_is_sent_away() -> None:
    run = Started()
    run.orders()
    run.up("stranger")
    run.down("stranger")
    assert run.orders() == [messages.DisconnectPeer(peer="stranger", reason="is not on the list")]


def test_a_record_that_cannot_be_read_is_as_good_as_none() -> None:
    run = Started()
    run.bench.run_for(0.0)
    from alys.node import storage

    run.bench.ask("storage", storage.SaveRecords(table="peers", records=(("a", b"\xc1"),)))
    run.bench.kill("peers")
    run.bench.stop("network")
    run.bench.stop("sync")
    assert Started(run.bench).line("a").score == SCORE_START
    assert not run.bench.failures.errors
