"""Other people's formats: JSON-RPC, Bitcoin, Ethereum, the Engine API, AuxPoW, protobuf. Formats only, never judgement, so that node, models and oracles may share it."""
