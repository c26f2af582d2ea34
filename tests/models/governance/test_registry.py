"""Streams are admitted, registered and forgotten; what was heard stays."""

import pytest

from alys.base.prng import SeededRandom
from alys.models.governance import registry as module
from alys.models.governance.access import Access
from alys.models.governance.limits import Limits
from alys.models.governance.registry import (
    SESSION_SECONDS,
    Connection,
    Registry,
    TooManyConnections,
    Unauthenticated,
)
from alys.wire.generated import governance_pb2 as pb

TOKEN = "a-token-of-the-test"


def make_registry(bearer_token: str | None = None) -> Registry:
    return Registry(SeededRandom(1), Access(bearer_token=bearer_token), Limits())


def opened(registry: Registry, name: str, node_id: str) -> Connection:
    registry.open(name, {}, 0.0)
    registry.register(registry.get(name), node_id, pb.NodeRegistration(), 0)
    return registry.get(name)


def test_without_a_token_every_caller_is_admitted() -> None:
    registry = make_registry()
    registry.open("a", {}, 0.0)
    assert registry.get("a").registration is None


@pytest.mark.parametrize(
    "metadata",
    [{}, {"authorization": TOKEN}, {"authorization": "Bearer another"}, {"x-api-key": TOKEN}],
    ids=["none", "no-scheme", "wrong", "other-header"],
)
def test_with_a_token_only_its_bearer_is_admitted(metadata: dict[str, str]) -> None:
    registry = make_registry(TOKEN)
    with pytest.raises(Unauthenticated):
        registry.open("a", metadata, 0.0)
    with pytest.raises(KeyError):
        registry.get("a")
    registry.open("a", {"authorization": f"Bearer {TOKEN}"}, 0.0)


def test_the_stream_after_the_last_is_refused_until_one_ends() -> None:
    registry = make_registry()
    for number in range(Limits().streams):
        registry.open(str(number), {}, 0.0)
    with pytest.raises(TooManyConnections):
        registry.open("more", {}, 0.0)
    registry.close("0")
    registry.close("0")
    registry.open("more", {}, 0.0)


def test_one_id_cannot_be_open_twice() -> None:
    registry = make_registry()
    registry.open("a", {}, 0.0)
    with pytest.raises(ValueError, match="a is open"):
        registry.open("a", {}, 0.0)


def test_registering_again_keeps_the_token_and_moves_its_end() -> None:
    registry = make_registry()
    registry.open("a", {}, 0.0)
    first = registry.register(registry.get("a"), "alys-1", pb.NodeRegistration(), 100.5)
    again = registry.register(registry.get("a"), "alys-1", pb.NodeRegistration(), 200.0)
    assert first.session_token == again.session_token
    assert (first.expires_at, again.expires_at) == (100 + SESSION_SECONDS, 200 + SESSION_SECONDS)


def test_two_streams_get_two_tokens_and_the_view_shows_neither() -> None:
    registry = make_registry()
    tokens = set()
    for name in ("a", "b"):
        registry.open(name, {}, 0.0)
        given = registry.register(registry.get(name), name, pb.NodeRegistration(), 0)
        tokens.add(given.session_token)
    assert len(tokens) == 2
    assert not any(token in repr(registry.view()) for token in tokens)


def test_the_latest_status_of_each_node_outlives_its_stream() -> None:
    registry = make_registry()
    for name, height in (("a", 1), ("b", 2), ("a", 3)):
        if height < 3:
            registry.open(name, {}, 0.0)
            registry.register(registry.get(name), name, pb.NodeRegistration(), 0)
        status = pb.StatusUpdate(status=pb.NODE_STATUS_ACTIVE, block_height=height)
        registry.heard_status(registry.get(name), status, 10.0 + height)
    registry.close("a")
    heights = {name: said["block_height"] for name, said in registry.last_status_by_node.items()}
    assert heights == {"a": 3, "b": 2}
    assert registry.last_status == registry.last_status_by_node["a"]
    assert registry.last_status["received_at"] == 13.0


def test_one_node_has_no_more_streams_than_it_may_and_others_are_not_concerned() -> None:
    registry = make_registry()
    streams = [opened(registry, str(number), "alys-1") for number in range(4)]
    assert not registry.crowded(streams[0], "alys-1"), "registering again is no further stream"
    another = opened(registry, "more", "alys-2")
    assert registry.crowded(another, "alys-1")
    assert not registry.crowded(another, "alys-2")
    registry.close("0")
    assert not registry.crowded(another, "alys-1")


def test_the_status_of_the_most_silent_node_is_forgotten_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "NODES_MAX", 2)
    registry = make_registry()
    streams = {name: opened(registry, name, name) for name in ("a", "b", "c")}
    for name in ("a", "b", "a", "c"):
        registry.heard_status(streams[name], pb.StatusUpdate(), 0.0)
    assert list(registry.last_status_by_node) == ["a", "c"]


def test_only_what_has_registered_is_told_of_as_registered() -> None:
    registry = make_registry()
    opened(registry, "a", "alys-1")
    registry.open("b", {}, 0.0)
    assert (registry.registered, len(registry)) == (["a"], 2)


def test_a_status_that_this_proto_does_not_have_is_shown_by_its_number() -> None:
    registry = make_registry()
    status = pb.StatusUpdate.FromString(b"\x08\x4d")
    registry.heard_status(opened(registry, "a", "alys-1"), status, 0.0)
    assert registry.last_status is not None
    assert registry.last_status["status"] == "77"
