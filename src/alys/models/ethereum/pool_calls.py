"""txpool_: what waits for a block, in geth's shapes. Pending is what follows the account's nonce without a gap, queued the rest."""

from collections.abc import Callable
from typing import Any

from alys.models.ethereum import views
from alys.models.ethereum.client import Client
from alys.models.ethereum.transactions import SignedTransaction
from alys.wire.ethereum import checksum_address, from_data, to_quantity

Waiting = dict[bytes, list[SignedTransaction]]


def _sorted_out(client: Client) -> tuple[Waiting, Waiting]:
    """Pending and queued, by sender."""
    pending: Waiting = {}
    queued: Waiting = {}
    state = client.tree.head.state
    for sender, waiting in client.pool.by_sender().items():
        end = client.pool.next_nonce(sender, int(state.account(sender).nonce))
        for transaction in waiting:
            side = pending if transaction.nonce < end else queued
            side.setdefault(sender, []).append(transaction)
    return pending, queued


def _status(client: Client) -> dict[str, str]:
    pending, queued = (sum(map(len, side.values())) for side in _sorted_out(client))
    return {"pending": to_quantity(pending), "queued": to_quantity(queued)}


def _shown(waiting: Waiting, show: Callable[[SignedTransaction], Any]) -> dict[str, dict[str, Any]]:
    return {checksum_address(sender): _by_nonce(ones, show) for sender, ones in waiting.items()}


def _by_nonce(
    ones: list[SignedTransaction], show: Callable[[SignedTransaction], Any]
) -> dict[str, Any]:
    return {str(one.nonce): show(one) for one in ones}


def _content(client: Client) -> dict[str, Any]:
    pending, queued = _sorted_out(client)
    return {"pending": _shown(pending, _whole), "queued": _shown(queued, _whole)}


def _content_from(client: Client, address: object) -> dict[str, Any]:
    sender = from_data(address, 20, "address")
    pending, queued = _sorted_out(client)
    return {
        "pending": _by_nonce(pending.get(sender, []), _whole),
        "queued": _by_nonce(queued.get(sender, []), _whole),
    }


def _inspect(client: Client) -> dict[str, Any]:
    pending, queued = _sorted_out(client)
    return {"pending": _shown(pending, _line), "queued": _shown(queued, _line)}


def _whole(transaction: SignedTransaction) -> dict[str, Any]:
    return views.transaction(transaction, None, 0)


def _line(transaction: SignedTransaction) -> str:
    to = "contract creation" if transaction.to is None else checksum_address(transaction.to)
    body = transaction.body
    return f"{to}: {body.value} wei + {body.gas} gas × {transaction.fee_cap} wei"


METHODS: dict[str, Callable[..., Any]] = {
    "txpool_content": _content,
    "txpool_contentFrom": _content_from,
    "txpool_inspect": _inspect,
    "txpool_status": _status,
}
"""By name: called with the client and the parameters as they came."""
