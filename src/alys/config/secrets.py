"""Keys that the environment holds: read, checked, and kept out of the tree of settings.

The tree is printed, dumped into results and compared; a key in it would end up in an artefact of somebody's CI. So keys
have a type of their own, which shows nothing, and no error repeats them.
"""

import re
from collections.abc import Mapping

from typing_extensions import override

from alys.config import errors

VARIABLES = {"bitcoin": "TEST_BITCOIN_PRIVATE_KEY", "ethereum": "TEST_ETHEREUM_PRIVATE_KEY"}
"""The variable of each chain's key."""

UPLOAD_TOKEN = "UPLOAD_TOKEN"
"""The variable of what opens the store of results."""

_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141  # of secp256k1
_KEY = re.compile(r"(0x)?([0-9a-fA-F]{64})")


class Secret:
    """A private key, a password or a token. ``reveal`` is the only way to it: printing, formatting and comparing show nothing."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """The bytes."""
        return self._value

    @override
    def __repr__(self) -> str:
        return "Secret(***)"

    @override
    def __reduce__(self) -> str:
        raise TypeError("a secret is not written anywhere")


def read(environment: Mapping[str, str]) -> dict[str, Secret]:
    """The keys by chain; a chain whose variable is unset or empty has none. Raises ConfigError, without the value."""
    texts = {chain: environment.get(name, "").strip() for chain, name in VARIABLES.items()}
    return {chain: _key(VARIABLES[chain], text) for chain, text in texts.items() if text}


def token(environment: Mapping[str, str], variable: str) -> Secret | None:
    """A text that opens a door; None when the variable is unset or empty. Raises ConfigError, without the value."""
    text = environment.get(variable, "").strip()
    if not all("!" <= character <= "~" for character in text):
        raise errors.ConfigError(
            f"{variable} is no token (its value is not shown)",
            key=variable,
            where=f"environment variable {variable}",
            allowed="printable ASCII without spaces",
        )
    return Secret(text.encode()) if text else None


def _key(variable: str, text: str) -> Secret:
    found = _KEY.fullmatch(text)
    if found is None or not 0 < int(found.group(2), 16) < _ORDER:
        raise errors.ConfigError(
            f"{variable} is no private key (its value is not shown)",
            key=variable,
            where=f"environment variable {variable}",
            allowed="64 hexadecimal digits, 0x in front or not, neither zero nor above the curve's order",
        )
    return Secret(bytes.fromhex(found.group(2)))
