"""Where @ethereumjs/client answers otherwise than the Engine API's specification, which ours follows.

A row that no longer holds makes its test fail, so the list stays true. docs/reference/ethereum-node.md has the same table.
"""

import msgspec


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What it answers in a case, and why that stays."""

    case: str
    """Scenario and part, as in test_engine."""
    theirs: object
    reason: str
    fork: str = ""
    """Empty for every fork."""


ETHEREUMJS = (
    Difference(
        case="a_refused_block_stays_refused.forkchoice",
        theirs=("INVALID", None),
        reason="it remembers that the block is invalid, not its last valid ancestor; null is allowed",
    ),
    Difference(
        case="a_forkchoice_to_an_ancestor_builds_nothing.payload_id",
        theirs="an id",
        reason="it goes back to the ancestor and builds; the specification lets a client skip that, and geth does",
    ),
    Difference(
        case="a_forkchoice_to_an_ancestor_builds_nothing.head_moved",
        theirs=True,
        reason="as before",
    ),
    Difference(
        case="an_empty_transaction_is_invalid.status",
        theirs=("INVALID", "parent"),
        reason="it names the parent where Paris (newPayload, 6) wants null",
    ),
    Difference(
        case="what_stands_on_an_invalid_block_is_invalid.child",
        theirs=("ACCEPTED", None),
        reason="it forgets the invalid parent and takes the child for one of an unknown branch",
    ),
    Difference(
        case="what_is_unknown_is_syncing.payload",
        theirs=("ACCEPTED", None),
        reason="it says ACCEPTED of what does not extend its chain, parent known or not",
    ),
    Difference(
        case="an_unknown_payload_is_38001.code",
        theirs=-32001,
        reason="it has another number for UNKNOWN_PAYLOAD",
    ),
    Difference(
        case="attributes_that_go_back_in_time_are_38003_but_the_head_has_moved.code",
        theirs=-32602,
        reason="it has no -38003",
    ),
    Difference(
        case="attributes_without_withdrawals_are_38003.code",
        theirs=-32602,
        reason="as before",
    ),
    Difference(
        case="calls_of_another_fork_are_38005.new_payload_v1",
        theirs=-32602,
        reason="the specification is silent about V1 after Shanghai; ours says what it says of V2 after Cancun",
    ),
    Difference(
        case="calls_of_another_fork_are_38005.other_version",
        theirs=-32602,
        fork="cancun",
        reason="V2 after Cancun is -38005 (cancun.md, last section); geth too says -32602",
    ),
    Difference(
        case="calls_of_another_fork_are_38005.get_payload_v1",
        theirs="the payload",
        reason="it takes its own error about the fork for none of the Engine API's and answers",
    ),
)
