"""A governance node as a pure model: the stream protocol and one federation key."""
