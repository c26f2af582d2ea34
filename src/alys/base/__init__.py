"""What every room may use: errors, units, the chance protocol and its seeded generator, the vocabulary of faults. Standard library and msgspec only; no I/O, no ambient time."""
