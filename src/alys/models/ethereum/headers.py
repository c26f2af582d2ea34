"""What a header must be, given the one before it: the specification's rules, each refusal with its name.

The specification's own ``validate_header`` refuses without a word and takes fork heights from the main network. So the
rules stand here, its formulas (base fee, difficulty, gas limit, excess blob gas) are called, and the tests hold both to
the same verdicts. The seal of a block made by work (ethash) is not looked at, as with geth's fake proof of work: its
cache alone takes minutes in Python.
"""

from collections.abc import Sequence
from typing import Any

from ethereum.crypto.hash import keccak256 as eels_keccak256
from ethereum.exceptions import EthereumException
from ethereum_rlp import rlp
from ethereum_types.numeric import Uint

from alys.models.ethereum.forks import Fork, Header, Rules, Schedule
from alys.models.ethereum.light_header import LightHeader
from alys.models.ethereum.run import InvalidPayload
from alys.models.ethereum.tree import Block

EMPTY_OMMERS_HASH = bytes(eels_keccak256(rlp.encode([])))
NO_NONCE = bytes(8)
EXTRA_DATA_BYTES_MAX = 32
INITIAL_BASE_FEE_WEI = 10**9
"""Of the first block with a base fee (EIP-1559)."""

OMMERS_MAX = 2
OMMER_DEPTH_MAX = 6
DAO_MARK = b"dao-hard-fork"
DAO_MARKED_BLOCKS = 10


def hash_of(header: Header) -> bytes:
    """The block hash: Keccak of the header's RLP."""
    if isinstance(header, LightHeader):
        return header.hash
    return bytes(eels_keccak256(rlp.encode(header)))


def next_base_fee(header: Header) -> int:
    """The base fee of the block after this one, in wei, at an unchanged gas limit; 0 where blocks have none yet."""
    if not hasattr(header, "base_fee_per_gas"):
        return 0
    target = int(header.gas_limit) // 2
    fee, used = int(header.base_fee_per_gas), int(header.gas_used)
    if used > target:
        return fee + max(fee * (used - target) // target // 8, 1)
    return fee - fee * (target - used) // target // 8


def base_fee_after(parent: Header, rules: Rules) -> int | None:
    """The base fee of a block with these rules on that parent; None where they have none."""
    if not rules.has_base_fee:
        return None
    return next_base_fee(parent) if hasattr(parent, "base_fee_per_gas") else INITIAL_BASE_FEE_WEI


def gas_limit_before(parent: Header, rules: Rules) -> int:
    """What a block's gas limit is measured by: the parent's, doubled where the base fee begins (EIP-1559)."""
    begins = rules.has_base_fee and not hasattr(parent, "base_fee_per_gas")
    return int(parent.gas_limit) * (2 if begins else 1)


def difficulty_after(parent: Header, rules: Rules, timestamp: int) -> int:
    """The difficulty that a block of this time must have; 0 once merged."""
    if rules.is_merged:
        return 0
    told: list[Any] = [parent.number + Uint(1), type(parent.timestamp)(timestamp)]
    told += [parent.timestamp, parent.difficulty]
    if rules.fork >= Fork.BYZANTIUM:
        told.append(bytes(parent.ommers_hash) != EMPTY_OMMERS_HASH)
    return int(rules.transition.calculate_block_difficulty(*told))


def excess_blob_gas_after(parent: Header, rules: Rules) -> int | None:
    """The excess blob gas of a block on that parent (EIP-4844); None before Cancun."""
    if not rules.has_blobs:
        return None
    return int(rules.vm.gas.calculate_excess_blob_gas(parent))


def check(header: Header, parent: Header, rules: Rules, schedule: Schedule) -> None:
    """Raises InvalidPayload naming the field that does not follow from the parent."""
    number, before = int(header.number), int(parent.number)
    _equal("number", number, before + 1)
    _equal("parentHash", bytes(header.parent_hash).hex(), hash_of(parent).hex())
    if int(header.timestamp) <= int(parent.timestamp):
        raise InvalidPayload(
            f"timestamp {int(header.timestamp)} is not above the parent's {int(parent.timestamp)}"
        )
    limit, limit_before = int(header.gas_limit), gas_limit_before(parent, rules)
    if not rules.transition.check_gas_limit(Uint(limit), Uint(limit_before)):
        raise InvalidPayload(f"gasLimit {limit} is too far from {limit_before}, or below 5000")
    if int(header.gas_used) > limit:
        raise InvalidPayload(f"gasUsed {int(header.gas_used)} is above gasLimit {limit}")
    if len(header.extra_data) > EXTRA_DATA_BYTES_MAX:
        raise InvalidPayload(f"extraData has {len(header.extra_data)} bytes, at most 32")
    base_fee = base_fee_after(parent, rules)
    if base_fee is not None:
        _equal("baseFeePerGas", int(header.base_fee_per_gas), base_fee)
    _equal(
        "difficulty",
        int(header.difficulty),
        difficulty_after(parent, rules, int(header.timestamp)),
    )
    if rules.is_merged:
        _equal("nonce", bytes(header.nonce).hex(), NO_NONCE.hex())
        _equal("sha3Uncles", bytes(header.ommers_hash).hex(), EMPTY_OMMERS_HASH.hex())
    excess = excess_blob_gas_after(parent, rules)
    if excess is not None:
        _equal("excessBlobGas", int(header.excess_blob_gas), excess)
    _check_dao(header, schedule)


def _check_dao(header: Header, schedule: Schedule) -> None:
    """The ten blocks from the DAO fork on carry its mark."""
    first = schedule.dao_block
    if first is None or not first <= int(header.number) < first + DAO_MARKED_BLOCKS:
        return
    _equal("extraData", bytes(header.extra_data).hex(), DAO_MARK.hex())


def check_ommers(
    ommers: Sequence[Header], header: Header, ancestors: Sequence[Block], schedule: Schedule
) -> None:
    """Raises InvalidPayload unless these may be the block's ommers; ``ancestors`` end with its parent, oldest first.

    Seven ancestors are enough: an ommer is at most six blocks deep, and its parent one more.
    """
    found = bytes(eels_keccak256(rlp.encode(tuple(ommers))))
    _equal("sha3Uncles", bytes(header.ommers_hash).hex(), found.hex())
    if len(ommers) > OMMERS_MAX:
        raise InvalidPayload(f"it has {len(ommers)} ommers, at most {OMMERS_MAX}")
    recent = {block.hash: block for block in ancestors[-OMMER_DEPTH_MAX - 1 :]}
    used = {hash_of(one) for block in recent.values() for one in block.ommers}
    for index, ommer in enumerate(ommers):
        name = hash_of(ommer)
        if name in recent or name in used:
            raise InvalidPayload(f"ommer {index} is an ancestor or was an ommer before")
        used.add(name)
        parent = recent.get(bytes(ommer.parent_hash))
        if parent is None or parent.hash == bytes(header.parent_hash):
            raise InvalidPayload(
                f"ommer {index} is no sibling of the last {OMMER_DEPTH_MAX} blocks"
            )
        rules = schedule.rules_at(int(ommer.number), int(ommer.timestamp), parent.total_difficulty)
        try:
            check(ommer, parent.header, rules, schedule)
        except (InvalidPayload, EthereumException, AttributeError) as error:
            raise InvalidPayload(f"ommer {index}: {error}") from error


def _equal(name: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise InvalidPayload(f"{name} is {found}, must be {wanted}")
