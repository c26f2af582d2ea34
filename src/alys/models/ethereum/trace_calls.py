"""debug_trace...: transactions and calls executed again, with somebody who writes down what the EVM does.

There are geth's struct logger, which is the default, and its callTracer. Other tracers, in JavaScript or built in, are
refused by name.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from alys.models.ethereum import gas_calls, impersonation, params
from alys.models.ethereum.client import Client
from alys.models.ethereum.forks import Rules
from alys.models.ethereum.params import SERVER_ERROR
from alys.models.ethereum.run import Run
from alys.models.ethereum.simulate import CallFailed
from alys.models.ethereum.tracing import (
    CallTracer,
    StepOptions,
    StepTracer,
    Tracer,
    TraceTooLong,
    heard_by,
)
from alys.models.ethereum.tree import Block
from alys.wire.ethereum import BadEthereumData, from_data, to_data
from alys.wire.jsonrpc import RpcError

TRACERS = ("callTracer",)
"""Those that may be named; without a name it is the struct logger."""

Make = Callable[[Rules, int], Tracer]
"""A tracer for a transaction of that gas limit."""


def _make(config: object) -> Make:
    """What a configuration object asks for; raises BadEthereumData and RpcError."""
    asked = params.as_object({} if config is None else config, "trace config")
    name = asked.get("tracer")
    if name is None or name == "":
        options = _step_options(asked)
        return lambda rules, gas_limit: StepTracer(rules, options)
    if name not in TRACERS:
        raise RpcError(SERVER_ERROR, f"tracer not found: {name!r} (there is {', '.join(TRACERS)})")
    told = params.as_object(asked.get("tracerConfig") or {}, "tracerConfig")
    logs, top_only = _flag(told, "withLog"), _flag(told, "onlyTopCall")
    return lambda rules, gas_limit: CallTracer(gas_limit, logs=logs, top_only=top_only)


def _step_options(asked: Mapping[str, Any]) -> StepOptions:
    limit = asked.get("limit", 0)
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
        raise BadEthereumData("limit", f"{limit!r} is not a number of steps")
    return StepOptions(
        memory=_flag(asked, "enableMemory"),
        stack=not _flag(asked, "disableStack"),
        storage=not _flag(asked, "disableStorage"),
        return_data=_flag(asked, "enableReturnData"),
        limit=limit,
    )


def _flag(asked: Mapping[str, Any], name: str) -> bool:
    return params.flag(asked.get(name, False), name)


def _trace_transaction(client: Client, tx_hash: object, config: object = None) -> Any:
    make = _make(config)
    place = client.tree.transaction(from_data(tx_hash, 32, "hash"))
    if place is None:
        raise RpcError(SERVER_ERROR, "transaction not found")
    block, index = place
    return _traced(client, block, make, index)[0]["result"]


def _trace_block(client: Client, block: Block, config: object) -> list[dict[str, Any]]:
    make = _make(config)
    if block.number == 0:
        raise RpcError(SERVER_ERROR, "genesis is not traceable")
    return _traced(client, block, make, None)


def _trace_block_by_number(client: Client, tag: object, config: object = None) -> Any:
    return _trace_block(client, params.block(client.tree, tag), config)


def _trace_block_by_hash(client: Client, block_hash: object, config: object = None) -> Any:
    found = client.tree.get(from_data(block_hash, 32, "hash"))
    if found is None:
        raise RpcError(SERVER_ERROR, f"block {block_hash} not found")
    return _trace_block(client, found, config)


def _traced(client: Client, block: Block, make: Make, only: int | None) -> list[dict[str, Any]]:
    """The transactions of a block executed again, traced all or only one."""
    parent = client.tree.get(block.parent_hash)
    assert parent is not None  # blocks enter after their parents, and never leave
    run = Run(block.header, parent, block.rules, client.chain_id, client.tree.hashes_before(parent))
    if block.number == client.genesis.schedule.dao_block:
        run.move_the_daos_ether()
    traces = []
    used = 0
    with impersonation.allowed(block.rules):
        for index, (tx, receipt) in enumerate(zip(block.transactions, block.receipts, strict=True)):
            gas_used, used = (
                int(receipt.cumulative_gas_used) - used,
                int(receipt.cumulative_gas_used),
            )
            if only is not None and index != only:
                run.apply(tx)
                continue
            tracer = make(block.rules, int(tx.body.gas))
            _heard(tracer, functools.partial(run.apply, tx))
            traces.append({"txHash": to_data(tx.hash), "result": tracer.result(gas_used)})
            if index == only:
                break
    return traces


def _trace_call(client: Client, asked: object, tag: object, config: object = None) -> Any:
    make = _make(config)
    block = params.block(client.tree, tag)
    call = params.call(asked, int(block.header.gas_limit))
    overrides = None if config is None else params.as_object(config, "trace config")
    found = None if overrides is None else overrides.get("stateOverrides")
    simulator = gas_calls.simulator(client, block, found)
    tracer = make(block.rules, call.gas)
    try:
        evm = _heard(tracer, lambda: simulator.executed(call))
    except CallFailed as error:
        raise RpcError(SERVER_ERROR, f"tracing failed: {error.reason}") from error
    return tracer.result(simulator.gas_used(call, evm))


def _heard(tracer: Tracer, execute: Callable[[], Any]) -> Any:
    try:
        with heard_by(tracer):
            return execute()
    except TraceTooLong as error:
        raise RpcError(SERVER_ERROR, f"{error}: name callTracer, or limit the gas") from error


METHODS: dict[str, Callable[..., Any]] = {
    "debug_traceBlockByHash": _trace_block_by_hash,
    "debug_traceBlockByNumber": _trace_block_by_number,
    "debug_traceCall": _trace_call,
    "debug_traceTransaction": _trace_transaction,
}
"""By name: called with the client and the parameters as they came."""
