"""A process that may not let any file grow beyond some pages writes to a store in the given folder: small, too large, small.

The kernel's refusal reaches LMDB as that of a full disk does, in the middle of a commit. Ends with 0 when the large batch
was refused and the small ones were not.
"""

import asyncio
import resource
import signal
import sys
from pathlib import Path

from alys.actors.loop import wait
from alys.actors.ref import Ref
from alys.actors.system import System
from alys.node.errors import StoreFailed
from alys.node.ports import StoreWrite
from alys.shells.store_gateway import StoreGateway

FILE_BYTES_MAX = 300_000


def main() -> int:
    """See the module's docstring."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, FILE_BYTES_MAX))
    code: int = asyncio.run(with_actor(lambda: StoreGateway(Path(sys.argv[1])), _write))
    return code


async def _write(system: System, ref: Ref) -> int:
    await wait(system.ask(ref, StoreWrite(puts=((b"a", b"1"),))))
    large = tuple((b"key %d" % number, bytes(4_000)) for number in range(1_000))
    try:
        await wait(system.ask(ref, StoreWrite(puts=large)))
    except StoreFailed as error:
        sys.stdout.write(f"{error}\n")
        await wait(system.ask(ref, StoreWrite(puts=((b"b", b"2"),))))
        return 0
    return 1


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.shells.systems import with_actor

    sys.exit(main())
