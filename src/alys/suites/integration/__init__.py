"""Cross-actor flows: blocks, pegs, coordination."""
