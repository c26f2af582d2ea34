"""Virtual time, the seeded dispatcher, the trace and the trap for nondeterminism. It knows no blockchain."""
