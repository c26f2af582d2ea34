"""Keys of nodes: what is trusted is the key, and nothing that is said about it."""

import pytest
from cryptography.hazmat.primitives import serialization

from alys.shells import wire_keys

SECRETS = {name: name.encode() * 32 for name in ("a", "b")}
PUBLIC = {name: wire_keys.public_of(secret) for name, secret in SECRETS.items()}


def test_a_certificate_is_a_function_of_its_key() -> None:
    pem = serialization.Encoding.PEM
    first, again = (wire_keys.certificate(PUBLIC["a"]).public_bytes(pem) for _ in range(2))
    assert first == again
    assert wire_keys.certificate(PUBLIC["b"]).public_bytes(pem) != first


def test_a_peer_is_named_by_the_certificate_of_its_key() -> None:
    made = wire_keys.contexts(SECRETS["a"], {"b": PUBLIC["b"]})
    der = wire_keys.certificate(PUBLIC["b"]).public_bytes(serialization.Encoding.DER)
    assert made.names == {der: "b"}
    assert made.peer_of(None) is None


@pytest.mark.parametrize(
    ("secret", "peers", "words"),
    [
        (b"short", {}, "a network secret has 32 bytes, not 5"),
        (bytes(32), {"b": b"short"}, "peer b: a network key has 32 bytes, not 5"),
    ],
)
def test_a_key_that_is_none_is_named(secret: bytes, peers: dict[str, bytes], words: str) -> None:
    with pytest.raises(wire_keys.BadWireKey, match=words):
        wire_keys.contexts(secret, peers)
