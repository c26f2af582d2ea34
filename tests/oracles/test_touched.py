"""Everybody whom a block names is followed."""

from typing import Any

from alys.oracles import touched


def test_senders_receivers_contracts_payees_and_the_fee_recipient_are_named() -> None:
    block: Any = {
        "miner": "0xDEAD",
        "transactions": [{"from": "0xA1", "to": "0xb2"}, {"from": "0xa1", "to": None}],
        "withdrawals": [{"address": "0xC3", "amount": "0x1"}],
    }
    receipts: Any = [
        {"contractAddress": None, "logs": [{"address": "0xD4"}]},
        {"contractAddress": "0xE5", "logs": []},
    ]
    found = touched.addresses(block, receipts)
    assert found == {"0xdead", "0xa1", "0xb2", "0xc3", "0xd4", "0xe5"}


def test_a_block_before_withdrawals_names_its_miner() -> None:
    assert touched.addresses({"miner": "0x01", "transactions": []}, []) == {"0x01"}
