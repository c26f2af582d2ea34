"""A child that does what its order says; run as ``python -m tests.shells.talking_child``."""

import json
import os
import sys
import threading

from alys.shells import child_process


def main() -> int:
    order = json.loads(child_process.read_order())
    over = threading.Event()
    child_process.when_parent_ends(over.set, order.get("grace", 10.0))
    for line in order.get("err", ()):
        sys.stderr.write(f"{line}\n")
    if "exit" in order:
        return int(order["exit"])
    for line in order.get("out", (os.getpid(),)):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    while order.get("stuck"):
        pass
    over.wait()
    return int(order.get("end", 0))


if __name__ == "__main__":
    sys.exit(main())
