"""Other people's runtimes doing the same work, each in a process of its own; what is not installed is said to be so."""
