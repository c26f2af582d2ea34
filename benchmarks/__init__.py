"""How fast the actor runtime is, beside asyncio's own queue and beside its peers: `python -m benchmarks.run`."""
