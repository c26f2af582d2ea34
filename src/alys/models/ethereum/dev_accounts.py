"""Accounts whose keys everybody knows, for development: the node signs for them. Account n's key is keccak256 of a sentence.

``cast keccak "alys dev account 0"`` prints the key of the first. No mnemonic, nothing to keep secret, and worth nothing
anywhere else.
"""

from alys.wire import ethereum

BALANCE_WEI = 10_000 * 10**18
"""What each has in the genesis block."""


def secret_of(number: int) -> bytes:
    """The 32-byte key of one account, counted from 0."""
    return ethereum.keccak256(b"alys dev account %d" % number)


def secrets(count: int) -> dict[bytes, bytes]:
    """The keys of the first so many accounts, by address, in order."""
    made = (secret_of(number) for number in range(count))
    return {ethereum.address_of(secret): secret for secret in made}


def balances(count: int) -> dict[bytes, int]:
    """What the genesis block gives them, by address."""
    return dict.fromkeys(secrets(count), BALANCE_WEI)
