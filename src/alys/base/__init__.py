"""What every room may use: errors, units, clock and chance protocols, the seeded generator. Standard library and msgspec only; no I/O, no ambient time."""
