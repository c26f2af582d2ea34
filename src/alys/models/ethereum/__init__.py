"""An Ethereum execution client as a pure model on the executable specification (EELS)."""
