"""Our protocol as pure functions: slots, blocks, approvals, merged mining, the peg, validity. No actor, no clock, no I/O."""
