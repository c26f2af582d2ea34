"""Who may open a stream, and whom a registration convinces.

A caller shows a bearer token (``authorization: Bearer ...``) or an API key (``x-api-key``) in the metadata of its call. What a
registration says of itself in ``auth`` must be true as well, where it says anything.
"""

import hmac
from collections.abc import Mapping

import msgspec

from alys.wire.enum_names import enum_name
from alys.wire.generated import governance_pb2 as pb


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """The two secrets, each of which is enough; with neither of them everybody is admitted."""

    bearer_token: str | None = None
    api_key: str | None = None

    def refuses(self, metadata: Mapping[str, str]) -> str | None:
        """Why a call with this metadata is not admitted; None if it is. Never says a secret."""
        if self.bearer_token is None and self.api_key is None:
            return None
        scheme, _, token = metadata.get("authorization", "").partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else ""
        if self.bearer_token is not None and _same(bearer, self.bearer_token):
            return None
        if self.api_key is not None and _same(metadata.get("x-api-key", ""), self.api_key):
            return None
        ways = "authorization must be 'Bearer <token>' with the node's token"
        return ways if self.api_key is None else f"{ways}, or x-api-key the node's API key"

    def doubts(self, said: pb.AuthCredentials, now: float) -> str | None:
        """Why the credentials in a registration do not convince; None if they do, or if there are none.

        The types that are not offered here are refused by their name: a node that let them pass would claim to have checked.
        """
        if said.HasField("expires_at") and said.expires_at <= now:
            return "the credentials have expired"
        match said.auth_type:
            case pb.AUTH_TYPE_UNSPECIFIED:
                return "credentials without a type" if said.credential_data else None
            case pb.AUTH_TYPE_BEARER:
                expected = self.bearer_token
            case pb.AUTH_TYPE_API_KEY:
                expected = self.api_key
            case _:
                return f"{enum_name(pb.AuthType, said.auth_type)} is not offered: AUTH_TYPE_BEARER or AUTH_TYPE_API_KEY"
        if expected is None or hmac.compare_digest(said.credential_data, expected.encode()):
            return None
        return f"{enum_name(pb.AuthType, said.auth_type)}: the credentials are wrong"

    @property
    def shown(self) -> tuple[tuple[str, str], ...]:
        """The metadata that another node of the same federation wants to see."""
        if self.bearer_token is not None:
            return (("authorization", f"Bearer {self.bearer_token}"),)
        return () if self.api_key is None else (("x-api-key", self.api_key),)

    @property
    def ways(self) -> list[str]:
        """The kinds of credentials that are asked for."""
        asked = (("bearer-auth", self.bearer_token), ("api-key-auth", self.api_key))
        return [name for name, secret in asked if secret is not None]


def _same(one: str, other: str) -> bool:
    """Whether two texts are equal, found out in a time that does not depend on where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode())
