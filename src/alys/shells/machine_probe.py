"""Looks at this machine: the results folder, the disk, the control group's limits, and ports that must be free."""

import os
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

from alys.base.seen import Machine
from alys.shells import process_limits


def look(
    folder: Path,
    host: str,
    ports: Mapping[str, int],
    groups: Path = process_limits.GROUPS,
) -> Machine:
    """``ports`` by the name of their setting. Nothing is made: a folder that is not there is judged by the one it goes into."""
    there = nearest(folder)
    return Machine(
        folder_problem=_problem(there),
        disk_free_bytes=shutil.disk_usage(there).free,
        memory_bytes=process_limits.memory_bytes(groups),
        cpu_cores=process_limits.cpu_cores(groups),
        ports_taken={
            name: reason for name, port in ports.items() if (reason := _taken(host, port))
        },
    )


def nearest(folder: Path) -> Path:
    """The folder itself, or what there is of the way to it."""
    here = folder.absolute()
    return next(path for path in (here, *here.parents) if os.path.lexists(path))


def _problem(there: Path) -> str:
    if not there.is_dir():
        return f"{there} is no folder"
    if not os.access(there, os.W_OK | os.X_OK):  # false also on a read-only file system
        return f"{there} cannot be written by this user"
    return ""


def _taken(host: str, port: int) -> str:
    """Why a server could not listen there; empty where it could."""
    try:
        # As servers do: without the option, connections that have just ended would count as a server.
        socket.create_server((host, port), family=_family(host)).close()
    except OSError as error:
        return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    return ""


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
