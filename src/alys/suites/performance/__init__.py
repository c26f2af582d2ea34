"""What the node can carry: a steady load from outside, measured, and judged by the figures of the settings."""
