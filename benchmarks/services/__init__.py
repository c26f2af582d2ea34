"""The services beside real nodes, on the same calls, in one run: `python -m benchmarks.services.run` writes SERVICES.md."""
