"""Transactions of accounts whose key nobody has: no signature, a sender by decree.

The specification takes the sender from the signature, and lets no contract send. For a block with such transactions the
functions that do so are replaced for as long as the block is executed, by ones that know the marks of ours and ask the
originals for all others.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from ethereum_rlp import rlp
from ethereum_types.bytes import Bytes
from ethereum_types.numeric import Uint

from alys.models.ethereum.forks import Fork, Rules, rules_of
from alys.models.ethereum.transactions import SignedTransaction
from alys.wire.ethereum import DYNAMIC_FEE_TYPE, keccak256

NO_SIGNATURE = 1
"""The ``s`` of a transaction that is not signed; its ``r`` is the sender's address. Nobody finds a key for which this is true."""


def unsigned(
    sender: bytes, chain_id: int, fields: dict[str, Any], fork: Fork = Fork.SHANGHAI
) -> SignedTransaction:
    """A transaction of ``sender`` by decree; fields as ``wire.ethereum.sign_transaction`` takes them."""
    numbers = (chain_id, *(fields[name] for name in ("nonce", "max_tip", "max_fee", "gas")))
    body: list[Any] = [Uint(number) for number in numbers]
    body += [fields["to"] or b"", Uint(fields["value"]), fields["data"], []]
    body += [Uint(0), Uint(int.from_bytes(sender, "big")), Uint(NO_SIGNATURE)]
    raw = bytes([DYNAMIC_FEE_TYPE]) + rlp.encode(body)
    return SignedTransaction(
        raw=raw,
        hash=keccak256(raw),
        sender=sender,
        chain_id=chain_id,
        fork=fork,
        body=rules_of(fork).transactions.decode_transaction(raw),
    )


def is_unsigned(body: Any) -> bool:
    """Whether a transaction's sender is by decree."""
    return int(body.s) == NO_SIGNATURE and int(body.r) < 1 << 160


@contextlib.contextmanager
def allowed(rules: Rules) -> Iterator[None]:
    """While inside, the specification of these rules' fork believes unsigned transactions, of contracts too (EIP-3607)."""
    module = rules.transition
    recover_sender, check_transaction = module.recover_sender, module.check_transaction

    def recover(*asked: Any) -> Any:
        body = asked[-1]  # before it, from Spurious Dragon on, the chain id
        return _sender(body, rules) if is_unsigned(body) else recover_sender(*asked)

    def check(block_env: Any, block_output: Any, tx: Any) -> Any:
        if not is_unsigned(tx):
            return check_transaction(block_env, block_output, tx)
        sender = _sender(tx, rules)
        account = rules.state.get_account(block_env.state, sender)
        bare = rules.fork_types.Account(account.nonce, account.balance, Bytes())
        rules.state.set_account(block_env.state, sender, bare)
        try:
            return check_transaction(block_env, block_output, tx)
        finally:
            rules.state.set_account(block_env.state, sender, account)

    module.recover_sender, module.check_transaction = recover, check
    try:
        yield
    finally:
        module.recover_sender, module.check_transaction = recover_sender, check_transaction


def _sender(body: Any, rules: Rules) -> Any:
    return rules.fork_types.Address(int(body.r).to_bytes(20, "big"))
