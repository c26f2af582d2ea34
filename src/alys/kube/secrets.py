"""The Secrets of the environment, made in the cluster by a one-shot Job: nothing secret is ever in a file or in git.

What is absent is made, what is there is left alone: the Job may ``create`` Secrets and ``get`` these two by name, nothing else,
so it could not change or list any if it wanted to. Values come from a source of chance that is passed in (the operating
system's, in ``alys secrets``). They are never printed, and no error repeats one.
"""

import base64
import re
from collections.abc import Callable, Mapping

import msgspec

from alys.base import errors
from alys.kube import client

Chance = Callable[[int], bytes]
"""So many random bytes, fit for keys."""

_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141  # of secp256k1
_HEX_32 = re.compile(r"(0x)?([0-9a-fA-F]{64})")


class Key(msgspec.Struct, frozen=True):
    """One entry of a Secret: how it is made, and what it must look like where somebody else made it."""

    make: Callable[[Chance], str]
    good: Callable[[str], bool]
    form: str
    """What it must look like, in words."""


def _curve_key(chance: Chance) -> str:
    """32 bytes that are a private key of secp256k1; others (one in 2^128) are drawn again."""
    while True:
        drawn = chance(32).hex()
        if _is_curve_key(drawn):
            return drawn


def _is_curve_key(text: str) -> bool:
    found = _HEX_32.fullmatch(text)
    return found is not None and 0 < int(found.group(2), 16) < _ORDER


_CURVE_KEY = Key(_curve_key, _is_curve_key, "64 hexadecimal digits, a private key of secp256k1")
_HEX_KEY = Key(
    lambda chance: chance(32).hex(),
    lambda text: _HEX_32.fullmatch(text) is not None,
    "64 hexadecimal digits",
)
_WORD = Key(lambda chance: chance(32).hex(), bool, "not empty")


def _named(user: str) -> Key:
    return Key(lambda _chance: user, bool, "not empty")


SECRETS: Mapping[str, Mapping[str, Key]] = {
    "test-secrets": {
        "test_bitcoin_private_key": _CURVE_KEY,
        "test_ethereum_private_key": _CURVE_KEY,
        "bitcoin_rpc_user": _named("alys"),
        "bitcoin_rpc_password": _WORD,
        "engine_jwt_secret": _HEX_KEY,
        "governance_token": _WORD,
        "admin_token": _WORD,
        "upload_token": _WORD,
    },
    "grafana-admin": {"admin-user": _named("admin"), "admin-password": _WORD},
}
"""Every Secret by name, with its keys."""


def fill(cluster: client.Cluster, chance: Chance, tell: Callable[[str], None]) -> None:
    """Make the Secrets that are absent and look at the others; ``tell`` gets one line for each, without values.

    Raises EnvironmentFailure, when all were seen to, that names each key which an existing Secret lacks or has wrong.
    """
    wrong: list[str] = []
    for name, keys in SECRETS.items():
        there = _there(cluster, name)
        if there is None and _make(cluster, name, keys, chance):
            tell(f"Secret {name}: made, with {', '.join(keys)}")
            continue
        # Made by another since: then it must do as well as one that was there before.
        found = _problems(there or cluster.get(client.SECRETS, name), keys)
        wrong += [f"Secret {name} {problem}" for problem in found]
        tell(f"Secret {name}: there already, {'left as it is' if found else 'nothing to do'}")
    if wrong:
        raise errors.EnvironmentFailure(
            f"namespace {cluster.namespace}: {'; '.join(wrong)}; this command never changes a Secret: put the key in with"
            " kubectl edit secret, or delete the Secret and run the command again"
        )


def _there(cluster: client.Cluster, name: str) -> client.Document | None:
    try:
        return cluster.get(client.SECRETS, name)
    except client.NotFound:
        return None


def _make(cluster: client.Cluster, name: str, keys: Mapping[str, Key], chance: Chance) -> bool:
    """Create it; False where another was quicker."""
    values = {key: how.make(chance) for key, how in keys.items()}
    document: client.Document = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": cluster.namespace,
            "labels": {"purpose": "integration-testing", "component": "actor-system"},
        },
        "type": "Opaque",
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in values.items()},
    }
    try:
        cluster.create(client.SECRETS, document)
    except client.Conflict:
        return False
    return True


def _problems(secret: client.Document, keys: Mapping[str, Key]) -> list[str]:
    data = secret.get("data") or {}
    problems = [f"lacks {key}" for key in keys if key not in data]
    for key, how in keys.items():
        if key in data and not how.good(_decoded(data[key])):
            problems.append(f"has no usable {key} (it must be {how.form}; its value is not shown)")
    return problems


def _decoded(text: str) -> str:
    """The value, less the line's end that ``echo`` leaves; empty where it is not text."""
    try:
        return base64.b64decode(text).decode().strip()
    except ValueError:
        return ""
