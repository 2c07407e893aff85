"""What operators do to the index and to unfinished uploads; the commands of ``clawgate index`` and ``clawgate uploads``."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TextIO, cast

from . import data
from .errors import NotFound, SettingsError, StorageUnavailable
from .identity import users_file
from .index import maintenance as index
from .model.path import ROOT
from .model.space import Space
from .model.upload import Upload
from .state.uploads import Uploads
from .storage.wrappers.indexed import Indexed

if TYPE_CHECKING:
    from .assembly import Core

_EVERY = 1000
"""Folders between two signs of life."""


def spaces(core: Core, users: Sequence[str]) -> Iterator[Space]:
    """The spaces of `users`, without any of all people in the file of users, as far as they exist. Raises `SettingsError`."""
    file = data.users_path(core.settings)
    accounts = users_file.parse(data.read_users(file), file)
    found: dict[str, Space] = {}
    for name in users or sorted(accounts):
        if name not in accounts:
            raise SettingsError(f"{name} is not in {file}")
        for explanation in core.namespace.explain(accounts[name].user, ROOT):
            space = explanation.place.space
            if core.settings.mounts[space.mount].driver == "posix" and os.path.isdir(space.root):
                found[space.id] = space
    return iter(found.values())


async def rebuild(core: Core, users: Sequence[str], out: TextIO) -> int:
    """Learn the index of spaces anew; returns the exit code."""
    for space in spaces(core, users):
        print(f"{space.id}: learning {space.root}", file=out, flush=True)
        storage = cast(Indexed, await core.storages.of(space))
        await index.rebuild(core.index_database, space.id, storage.observer.scan, storage.index.unlearned, _progress(space, out))
    return 0


async def verify(core: Core, users: Sequence[str], out: TextIO) -> int:
    """Compare the index of spaces with what is there; returns 1 if they disagree."""
    wrong = 0
    for space in spaces(core, users):
        storage = cast(Indexed, await core.storages.of(space))
        findings = await index.verify(core.index_database, storage.inner, space.id, _progress(space, out))
        for finding in findings:
            print(f"{space.id}: /{finding.path} {finding.text}", file=out)
        print(f"{space.id}: {f'{len(findings)} disagreements' if findings else 'agrees'}", file=out, flush=True)
        wrong += len(findings)
    if wrong:
        print("listing a folder mends it; 'clawgate index rebuild' mends all", file=out)
    return int(wrong > 0)


def _progress(space: Space, out: TextIO) -> index.Progress:
    def show(folders: int, nodes: int) -> None:
        if folders % _EVERY == 0:
            print(f"{space.id}: {folders} folders", file=out, flush=True)

    return show


async def list_uploads(core: Core, out: TextIO) -> int:
    """Print unfinished uploads, oldest first."""
    now = time.time()
    for upload in await Uploads(core.state).all():
        arrived = sum(part.stop - part.start for part in upload.parts) if upload.parts else upload.offset
        life = "expired" if upload.expires <= now else f"expires {_moment(upload.expires)}"
        of = f" of {upload.size}" if upload.size is not None else ""
        print(
            "\t".join(
                (upload.id, upload.owner, upload.space, upload.dialect, f"{arrived}{of} bytes", _moment(upload.created), life)
            ),
            file=out,
        )
    return 0


async def purge_uploads(core: Core, ids: Sequence[str], everything: bool, out: TextIO) -> int:
    """Throw away the uploads `ids`; without any, those that are expired, or all of them. Returns the exit code."""
    known = {upload.id: upload for upload in await Uploads(core.state).all()}
    now = time.time()
    for id in ids:
        if id not in known:
            raise SettingsError(f"there is no upload {id}")
    chosen = ids or [id for id, upload in known.items() if everything or upload.expires <= now]
    by_id = {space.id: space for space in spaces(core, ())}
    for id in chosen:
        await _purge(core, known[id], by_id.get(known[id].space))
    print(f"{len(chosen)} uploads were thrown away", file=out)
    return 0


async def _purge(core: Core, upload: Upload, space: Space | None) -> None:
    if space is None:
        # Its user or mount is gone, and where the bytes are with it: the janitor finds what no session names.
        await Uploads(core.state).delete(upload.id)
        return
    try:
        await core.uploads.abort(upload, space)
    except (NotFound, StorageUnavailable):
        await Uploads(core.state).delete(upload.id)


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
