"""The results of a run that took place elsewhere, as a tar.gz: unpacked beside the store, looked at, then put in place in one step.

Of an archive only plain files and folders with harmless relative names are taken; anything else refuses the whole of it.
"""

import gzip
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from alys.base.errors import AlysError
from alys.shells.run_store import INCOMING, REPORT, RUN_ID, RunStore, read_report

ARCHIVE_BYTES_MAX = 256 * 1024 * 1024
UNPACKED_BYTES_MAX = 2 * 1024 * 1024 * 1024
FILES_MAX = 10_000
PADDING_BYTES_MAX = 1024 * 1024
COPY_BYTES = 1024 * 1024


class Refused(AlysError):
    """What was sent cannot be stored as this run; nothing of it was kept."""


class Conflict(Refused):
    """Another run is stored under this id."""


def place(store: RunStore, run_id: str, archive: Path, token: str) -> bool:
    """Unpack an archive and put it in place under its run id; True when it is new, False when it was there already.

    ``token`` makes the name of the folder that is worked in. Raises Refused, and OSError when the disk does.
    """
    if not RUN_ID.fullmatch(run_id):
        raise Refused(f"{run_id!r} is no run id: <UTC>-<suite>-<six hex digits>, as in report.json")
    folder = store.root / INCOMING / f"unpacked-{token}"
    folder.mkdir()
    try:
        _unpack(archive, folder)
        report = read_report(folder / REPORT)
        if report is None:
            raise Refused(f"the archive has no {REPORT} of a run at its top")
        if report.run_id != run_id:
            raise Refused(f"its {REPORT} is that of run {report.run_id!r}")
        return _settle(store, run_id, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _settle(store: RunStore, run_id: str, folder: Path) -> bool:
    there = store.root / run_id
    if not there.exists():
        try:
            folder.rename(there)
            return True
        except OSError:
            if not there.exists():
                raise
    if (there / REPORT).is_file() and (there / REPORT).read_bytes() == (
        folder / REPORT
    ).read_bytes():
        return False
    raise Conflict(f"another run is stored as {run_id}")


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with gzip.open(archive) as plain, tarfile.open(fileobj=plain, mode="r:") as tar:
            for member, name in _members(tar):
                path = folder / name
                if member.isdir():
                    path.mkdir(parents=True, exist_ok=True)
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                source = tar.extractfile(member)
                assert source is not None, "a plain file has content"
                with open(path, "xb", opener=_plain_mode) as target:
                    shutil.copyfileobj(source, target, COPY_BYTES)
            _read_to_end(plain)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Refused(f"not a whole tar.gz: {error}") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise Refused("a name stands twice in the archive") from error


def _read_to_end(plain: gzip.GzipFile) -> None:
    """Past the last member, where the sum of all bytes stands: tar alone would not notice that it is wrong or missing."""
    size = 0
    while chunk := plain.read(COPY_BYTES):
        size += len(chunk)
        if size > PADDING_BYTES_MAX:
            raise Refused("bytes without end behind the archive")


def _members(tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, PurePosixPath]]:
    """The files and folders of an archive with names that stay below; raises Refused for anything else."""
    size = 0
    for count, member in enumerate(tar, 1):
        name = PurePosixPath(member.name)
        unsafe = name.is_absolute() or ".." in name.parts or "\\" in member.name
        hidden = any(part.startswith(".") for part in name.parts)
        if unsafe or hidden or "\x00" in member.name:
            raise Refused(f"unsafe name in the archive: {member.name!r}")
        if not (member.isreg() or member.isdir()):
            raise Refused(f"neither file nor folder in the archive: {member.name!r}")
        size += member.size
        if count > FILES_MAX or size > UNPACKED_BYTES_MAX:
            raise Refused(f"more than {FILES_MAX} files or {UNPACKED_BYTES_MAX} bytes unpacked")
        yield member, name


def _plain_mode(path: str, flags: int) -> int:
    """Whatever modes the archive names: readable by all, writable by us."""
    return os.open(path, flags, 0o644)
