"""Transactions by decree: believed only where it was allowed, and only those that bear the mark."""

import pytest

from alys.models.ethereum import impersonation
from tests.models.ethereum.builders import PAYEE, decoded
from tests.models.ethereum.development import ALICE, DevNode

FIELDS = {
    "nonce": 0,
    "to": PAYEE,
    "value": 5,
    "data": b"",
    "gas": 21_000,
    "max_fee": 3 * 10**9,
    "max_tip": 10**9,
}


def test_an_unsigned_transaction_names_its_sender() -> None:
    one = impersonation.unsigned(ALICE, 121212, FIELDS)
    other = impersonation.unsigned(PAYEE, 121212, FIELDS)
    assert (one.sender, one.to, one.nonce) == (ALICE, PAYEE, 0)
    assert one.hash != other.hash
    assert impersonation.is_unsigned(one.body)
    assert not impersonation.is_unsigned(decoded().body)


def test_it_is_believed_only_while_that_is_allowed() -> None:
    node = DevNode()
    client = node.client
    client.pool.add(
        impersonation.unsigned(ALICE, 121212, FIELDS), client.tree.head.state, 30_000_000, 0.0
    )
    attributes = node.development._attributes(node.development.time())
    assert client.build(client.tree.head, attributes).transactions == ()
    with impersonation.allowed(client.tree.head.rules):
        assert len(client.build(client.tree.head, attributes).transactions) == 1
    assert client.build(client.tree.head, attributes).transactions == ()


def test_an_exception_ends_it() -> None:
    node = DevNode()
    client = node.client
    client.pool.add(
        impersonation.unsigned(ALICE, 121212, FIELDS), client.tree.head.state, 30_000_000, 0.0
    )
    with pytest.raises(ZeroDivisionError), impersonation.allowed(client.tree.head.rules):
        raise ZeroDivisionError
    attributes = node.development._attributes(node.development.time())
    assert client.build(client.tree.head, attributes).transactions == ()
