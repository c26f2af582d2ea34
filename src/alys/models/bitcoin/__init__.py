"""A Bitcoin regtest node as a pure model: chain state, mempool, RPC methods."""
