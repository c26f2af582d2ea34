"""Virtual time, the seeded dispatcher, the trace, the trap for nondeterminism, the test kit. It knows no blockchain."""
