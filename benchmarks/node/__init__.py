"""What the node takes, beside the targets that its design states: `python -m benchmarks.node.run` (`make bench-node`)."""
