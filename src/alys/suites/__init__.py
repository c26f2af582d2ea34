"""The built-in scenarios, shipped in the wheel. Fixtures only."""
