"""Free ports for servers that must know each other's addresses before any of them is open."""

import socket


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at the moment, no two the same."""
    holders = [socket.socket() for _ in range(count)]
    try:
        for holder in holders:
            holder.bind(("127.0.0.1", 0))
        return [int(holder.getsockname()[1]) for holder in holders]
    finally:
        for holder in holders:
            holder.close()
