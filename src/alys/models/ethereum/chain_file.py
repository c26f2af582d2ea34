"""Blocks in RLP, one after another, as ``geth export`` writes them: read, checked against their headers, executed.

The first block that cannot be imported ends the import with its number and the reason; those before it stay.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from ethereum_rlp import rlp
from ethereum_rlp.exceptions import RLPException

from alys.base.errors import AlysError
from alys.models.ethereum import execution
from alys.models.ethereum.client import Client
from alys.models.ethereum.execution import Candidate
from alys.models.ethereum.forks import Header, Rules, Schedule
from alys.models.ethereum.headers import OMMER_DEPTH_MAX, hash_of
from alys.models.ethereum.run import InvalidPayload
from alys.models.ethereum.tree import Block
from alys.wire.engine import Withdrawal

_NUMBER, _TIMESTAMP = 8, 11
"""Places in a header, the same in every fork."""

_LONG_LIST = 0xF7
_LIST = 0xC0


class ImportRefused(AlysError):
    """A file of blocks that cannot be imported whole. The file's fault; ``number`` is None where no block was found."""

    def __init__(self, number: int | None, reason: str, imported: int) -> None:
        where = "the first block" if number is None else f"block {number}"
        super().__init__(f"{where}: {reason} ({imported} blocks before it are imported)")
        self.number = number
        self.reason = reason
        self.imported = imported


class _Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A block as it stands in the file."""

    number: int
    timestamp: int
    parent_hash: bytes
    header: Any
    transactions: Sequence[Any]
    ommers: Sequence[Any]
    withdrawals: Sequence[Any] | None


def import_chain(client: Client, data: bytes) -> int:
    """Execute the blocks of a file and make the last one the head; how many were new. Raises ImportRefused.

    Block 0 may be there and must be ours; blocks that are known are passed over. The seals of blocks made by work are
    not looked at.
    """
    imported = 0
    number: int | None = None
    last: Block | None = None
    try:
        for raw in _items(data):
            sealed = _parsed(raw)
            number = sealed.number
            before = len(client.tree)
            last = _import(client, sealed)
            imported += len(client.tree) - before
            number += 1
    except (InvalidPayload, RLPException, ValueError, OverflowError, TypeError) as error:
        reason = error.reason if isinstance(error, InvalidPayload) else f"not a block: {error}"
        raise ImportRefused(number, reason, imported) from error
    finally:
        if last is not None and not client.tree.is_canonical(last):
            client.adopt(last)
    return imported


def _import(client: Client, sealed: _Sealed) -> Block:
    tree, schedule = client.tree, client.genesis.schedule
    if sealed.number == 0:
        return _same_genesis(client, sealed)
    parent = tree.get(sealed.parent_hash)
    if parent is None:
        raise InvalidPayload(f"its parent {sealed.parent_hash.hex()} is not there")
    rules = execution.rules_after(parent, sealed.timestamp, schedule)
    candidate = _candidate(sealed, rules, schedule)
    block_hash = hash_of(candidate.header)
    known = tree.get(block_hash)
    if known is not None:
        return known
    execution.check_lists(candidate, rules)
    block = execution.judge(
        candidate,
        block_hash,
        parent,
        client.genesis,
        lambda: tree.hashes_before(parent),
        lambda: tree.branch(parent, OMMER_DEPTH_MAX + 1),
    )
    tree.insert(block)
    return block


def _same_genesis(client: Client, sealed: _Sealed) -> Block:
    ours = client.tree.genesis
    found = hash_of(_header(sealed.header, ours.rules))
    if found != ours.hash:
        raise InvalidPayload(
            f"the file's chain begins with {found.hex()}, this one with {ours.hash.hex()}: "
            "give the genesis that the file was made with"
        )
    return ours


def _candidate(sealed: _Sealed, rules: Rules, schedule: Schedule) -> Candidate:
    if rules.has_withdrawals is (sealed.withdrawals is None):
        raise InvalidPayload(
            "it has no withdrawals" if rules.has_withdrawals else "it has withdrawals"
        )
    return Candidate(
        header=_header(sealed.header, rules),
        transactions=tuple(
            bytes(one) if isinstance(one, bytes) else bytes(rlp.encode(one))
            for one in sealed.transactions
        ),
        ommers=tuple(_ommer(one, schedule) for one in sealed.ommers),
        withdrawals=tuple(_withdrawal(one) for one in sealed.withdrawals or ()),
    )


def _ommer(fields: Any, schedule: Schedule) -> Header:
    number, timestamp = _integer(fields[_NUMBER]), _integer(fields[_TIMESTAMP])
    return _header(fields, schedule.rules_at(number, timestamp))


def _header(fields: Any, rules: Rules) -> Header:
    wanted = len(rules.blocks.Header.__dataclass_fields__)
    if len(fields) != wanted:
        raise InvalidPayload(f"its header has {len(fields)} fields, {wanted} in {rules.name}")
    return rlp.deserialize_to(rules.blocks.Header, fields)


def _withdrawal(fields: Any) -> Withdrawal:
    index, validator, address, amount = fields
    return Withdrawal(
        index=_integer(index),
        validator_index=_integer(validator),
        address=bytes(address),
        amount_gwei=_integer(amount),
    )


def _parsed(raw: bytes) -> _Sealed:
    parts: Any = rlp.decode(raw)
    if isinstance(parts, bytes) or not 3 <= len(parts) <= 4:
        raise InvalidPayload("it is not a list of header, transactions, ommers and withdrawals")
    if any(isinstance(part, bytes) for part in parts) or len(parts[0]) <= _TIMESTAMP:
        raise InvalidPayload("its header or one of its lists is not a list")
    header = parts[0]
    return _Sealed(
        number=_integer(header[_NUMBER]),
        timestamp=_integer(header[_TIMESTAMP]),
        parent_hash=bytes(header[0]),
        header=header,
        transactions=parts[1],
        ommers=parts[2],
        withdrawals=parts[3] if len(parts) == 4 else None,
    )


def _integer(value: Any) -> int:
    if not isinstance(value, bytes) or len(value) > 32:
        raise InvalidPayload(f"{value!r} is not a number")
    return int.from_bytes(value, "big")


def _items(data: bytes) -> Iterator[bytes]:
    """The lists that stand one after another; raises InvalidPayload for what is none or is cut."""
    place = 0
    while place < len(data):
        first = data[place]
        if first < _LIST:
            raise InvalidPayload(f"at byte {place} of the file no block begins")
        head = 1
        length = first - _LIST
        if first > _LONG_LIST:
            digits = first - _LONG_LIST
            head += digits
            length = int.from_bytes(data[place + 1 : place + head], "big")
        end = place + head + length
        if end > len(data):
            raise InvalidPayload(f"the file ends {end - len(data)} bytes before the block does")
        yield data[place:end]
        place = end
