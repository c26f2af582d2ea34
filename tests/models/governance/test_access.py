"""Who is let in: the token, the API key, and what a registration says of itself."""

import pytest

from alys.models.governance.access import Access
from alys.wire.generated import governance_pb2 as pb

TOKEN, KEY = "a-token-of-the-test", "an-api-key-of-the-test"
BOTH = Access(bearer_token=TOKEN, api_key=KEY)
NOW = 1_000.0


def said(auth_type: int, data: bytes, expires_at: int | None = None) -> pb.AuthCredentials:
    return pb.AuthCredentials(
        auth_type=pb.AuthType.ValueType(auth_type), credential_data=data, expires_at=expires_at
    )


@pytest.mark.parametrize(
    "metadata",
    [
        {"authorization": f"Bearer {TOKEN}"},
        {"authorization": f"bearer {TOKEN} "},
        {"x-api-key": KEY},
        {"x-api-key": KEY, "authorization": "Bearer another"},
    ],
    ids=["token", "scheme-in-lower-case", "key", "key-beside-a-wrong-token"],
)
def test_either_secret_opens(metadata: dict[str, str]) -> None:
    assert BOTH.refuses(metadata) is None


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"authorization": TOKEN},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": "Bearer"},
        {"x-api-key": TOKEN},
        {"x-api-key": KEY + "x"},
        {"authorization": f"Bearer {KEY}"},
        {"x-api-key": "ключ"},
    ],
    ids=[
        "none",
        "no-scheme",
        "scheme",
        "empty",
        "token-as-key",
        "longer",
        "key-as-token",
        "letters",
    ],
)
def test_anything_else_is_refused_and_no_secret_is_told(metadata: dict[str, str]) -> None:
    refusal = BOTH.refuses(metadata)
    assert refusal is not None
    assert "x-api-key" in refusal
    assert TOKEN not in refusal
    assert KEY not in refusal


def test_a_way_without_a_secret_opens_nothing() -> None:
    assert Access(bearer_token=TOKEN).refuses({"x-api-key": ""}) is not None
    assert Access(api_key=KEY).refuses({"authorization": "Bearer "}) is not None
    assert "x-api-key" not in str(Access(bearer_token=TOKEN).refuses({}))
    assert Access().refuses({}) is None


@pytest.mark.parametrize(
    "auth",
    [
        pb.AuthCredentials(),
        said(pb.AUTH_TYPE_BEARER, TOKEN.encode()),
        said(pb.AUTH_TYPE_API_KEY, KEY.encode(), expires_at=1_001),
    ],
    ids=["none", "token", "key"],
)
def test_true_credentials_in_a_registration_convince(auth: pb.AuthCredentials) -> None:
    assert BOTH.doubts(auth, NOW) is None


@pytest.mark.parametrize(
    ("auth", "word"),
    [
        (said(pb.AUTH_TYPE_BEARER, b"another"), "credentials are wrong"),
        (said(pb.AUTH_TYPE_API_KEY, TOKEN.encode()), "credentials are wrong"),
        (said(pb.AUTH_TYPE_BEARER, TOKEN.encode(), expires_at=1_000), "have expired"),
        (said(pb.AUTH_TYPE_UNSPECIFIED, b"x"), "without a type"),
        (said(pb.AUTH_TYPE_SIGNATURE, b"x"), "AUTH_TYPE_SIGNATURE is not offered"),
        (said(pb.AUTH_TYPE_MUTUAL_TLS, b"x"), "AUTH_TYPE_MUTUAL_TLS is not offered"),
        (said(77, b"x"), "77 is not offered"),
    ],
    ids=["token", "key", "expired", "untyped", "signature", "tls", "unknown"],
)
def test_credentials_that_are_not_true_are_named(auth: pb.AuthCredentials, word: str) -> None:
    assert word in str(BOTH.doubts(auth, NOW))


def test_what_one_node_shows_another_lets_it_in() -> None:
    for access in (BOTH, Access(bearer_token=TOKEN), Access(api_key=KEY), Access()):
        assert access.refuses(dict(access.shown)) is None
    assert BOTH.ways == ["bearer-auth", "api-key-auth"]
