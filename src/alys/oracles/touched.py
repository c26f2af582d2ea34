"""Whose balance a block can have changed, for clients that do not list all accounts.

Named are senders, receivers, created contracts, contracts that logged something, whoever a withdrawal credits, and whoever the fees go to. A
contract that passes ether on to somebody who is nowhere named leaves a sum that does not add up: that is reported, never overlooked.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


def addresses(block: Json, receipts: Sequence[Json]) -> set[str]:
    """Lower case, with 0x. ``block`` carries whole transactions."""
    found: set[str | None] = {block["miner"]}
    for tx in block["transactions"]:
        found |= {tx["from"], tx.get("to")}
    for receipt in receipts:
        found.add(receipt.get("contractAddress"))
        found.update(log["address"] for log in receipt["logs"])
    found.update(entry["address"] for entry in block.get("withdrawals") or ())
    return {address.lower() for address in found if address}
