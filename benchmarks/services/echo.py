"""A gRPC server that sends back what it gets: what any answer over gRPC costs at least. Prints its port; ends with SIGTERM."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc


async def echo(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    """Everything, in order."""
    async for request in requests:
        yield request


async def main() -> None:
    """Serve until somebody ends the process."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handlers: dict[str, Any] = {"Stream": grpc.stream_stream_rpc_method_handler(echo)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
