"""What operators do to the index and to unfinished uploads; the commands of ``clawgate index`` and ``clawgate uploads``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO, cast

from . import people
from .errors import NotFound, NotSupported, SettingsError, StorageUnavailable
from .index import maintenance as index
from .index import status
from .model.path import ROOT
from .model.people import User
from .model.space import Space
from .model.upload import Upload
from .state.uploads import Uploads
from .storage.wrappers.indexed import Indexed

if TYPE_CHECKING:
    from .assembly import Core

_NOWHERE = "{id} is not there, or cannot be found without its people; name somebody whose it is"
_EVERY = 1000
"""Folders between two signs of life."""


async def spaces(core: Core, users: Sequence[str], ids: Sequence[str], out: TextIO) -> Sequence[Space]:
    """The spaces of `users` and those called `ids`, as far as they exist; without any, those of all people in the file of users,
    and those that the index has and the rules alone can place. Raises `SettingsError`, `StorageUnavailable`."""
    found: dict[str, Space] = {}
    asked = [await _person(core, name) for name in users]
    chosen = list(ids)
    if not users and not ids:
        asked = [known.user for known in people.in_file(core.settings).values()]
        chosen = await index.spaces(core.index_database)
    for user in asked:
        for explanation in core.namespace.explain(user, ROOT):
            if explanation.place is not None:
                asked_for = explanation.place.space
                try:
                    space = await core.reach(asked_for, user)
                except StorageUnavailable as error:
                    # One of many must not keep the others waiting.
                    print(f"left out: {asked_for.id}: {error}", file=out)
                else:
                    found |= {space.id: space} if space is not None else {}
    for id in chosen:
        if id not in found:
            space = await core.whereabouts.space(id)
            if space is not None:
                found[id] = space
            elif ids:
                raise SettingsError(f"--space: {_NOWHERE.format(id=id)}")
            else:
                print(f"left out: {_NOWHERE.format(id=id)}", file=out)
    return list(found.values())


async def _person(core: Core, id: str) -> User:
    known = await people.find(core, id)
    if known is not None:
        return known.user
    seen = await core.app_passwords.seen(id)
    if seen is None:
        raise people.unknown(core.settings, id, "name the space with --space" if core.settings.oidc else "")
    return seen.user


async def _indexed(core: Core, users: Sequence[str], ids: Sequence[str], out: TextIO) -> Sequence[Space]:
    """Those of `spaces` that have an index."""
    found = []
    for space in await spaces(core, users, ids, out):
        if space.mount in core.eos:
            print(f"left out: {space.id}: EOS has ids and etags of its own, and needs no index", file=out)
        else:
            found.append(space)
    return found


async def rebuild(core: Core, users: Sequence[str], ids: Sequence[str], out: TextIO) -> int:
    """Learn the index of `spaces` anew; returns the exit code."""
    for space in await _indexed(core, users, ids, out):
        print(f"{space.id}: learning {space.root}", file=out, flush=True)
        storage = cast(Indexed, await core.storages.of(space))
        await index.rebuild(core.index_database, space.id, storage.observer.scan, storage.index.unlearned, _progress(space, out))
    return 0


async def verify(core: Core, users: Sequence[str], ids: Sequence[str], out: TextIO) -> int:
    """Compare the index of `spaces` with what is there; returns 1 if they disagree."""
    wrong = 0
    for space in await _indexed(core, users, ids, out):
        storage = cast(Indexed, await core.storages.of(space))
        findings = await index.verify(core.index_database, storage.inner, space.id, _progress(space, out))
        for finding in findings:
            print(f"{space.id}: /{finding.path} {finding.text}", file=out)
        print(f"{space.id}: {f'{len(findings)} disagreements' if findings else 'agrees'}", file=out, flush=True)
        wrong += len(findings)
    if wrong:
        print("listing a folder mends it; 'clawgate index rebuild' mends all", file=out)
    return int(wrong > 0)


async def show_status(core: Core, out: TextIO) -> int:
    """Print what the index knows of each space, and of passes over it. Needs nothing but the index."""
    for one in await core.index_database.read(status.read):
        known = f"{one.nodes} files and folders, {one.folders} of them folders"
        left = f"{one.unlearned} folders not learned" if one.unlearned else "all learned"
        last, now = one.passes, "not walked yet"
        if last.finished:
            when = f"{_moment(last.started)} to {_moment(last.finished)}"
            now = f"walked {when}: {last.folders} folders, {last.changed} had changed"
        if last.began:
            now += f"; since {_moment(last.began)} walked as far as /{_printable(last.cursor)}"
        print("\t".join((one.space, known, left, now)), file=out)
    return 0


def _progress(space: Space, out: TextIO) -> index.Progress:
    def show(folders: int, nodes: int) -> None:
        if folders % _EVERY == 0:
            print(f"{space.id}: {folders} folders", file=out, flush=True)

    return show


async def list_uploads(core: Core, out: TextIO) -> int:
    """Print unfinished uploads, oldest first. Needs nothing but the state."""
    uploads = Uploads(core.state)
    arrived, now, days = await uploads.arrived(), time.time(), core.settings.uploads.days
    for upload in await uploads.all():
        if not upload.finished:
            size = arrived.get(upload.id, upload.offset)
            print("\t".join((*_name(upload), _progress_of(size, upload.size), *_life(upload, now, days))), file=out)
    return 0


async def purge_uploads(core: Core, ids: Sequence[str], everything: bool, out: TextIO) -> int:
    """Throw away the uploads `ids`; without any, those that are expired, or all of them. Returns the exit code."""
    chosen = await _chosen(Uploads(core.state), ids, everything)
    for upload in chosen:
        print("\t".join((*_name(upload), await _purge(core, upload))), file=out, flush=True)
    print(f"{len(chosen)} uploads were thrown away", file=out)
    return 0


async def end_uploads(core: Core, ids: Sequence[str], everything: bool, out: TextIO) -> int:
    """As `purge_uploads`, while a gateway works with the same state: nobody can continue them from now on, and the gateway throws
    away what has arrived of them. Needs nothing but the state."""
    uploads = Uploads(core.state)
    chosen = await _chosen(uploads, ids, everything)
    for upload in chosen:
        if upload.finished:
            await uploads.delete(upload.id)
        else:
            await uploads.expire([upload.id])
        print("\t".join((*_name(upload), "ended")), file=out, flush=True)
    seconds = f"{core.settings.index.tidy_seconds:g}"
    print(f"{len(chosen)} uploads were ended; the gateway, which runs, removes their bytes within {seconds} seconds", file=out)
    return 0


async def _chosen(uploads: Uploads, ids: Sequence[str], everything: bool) -> list[Upload]:
    """Raises `SettingsError` for unknown `ids`."""
    known, now = await uploads.all(), time.time()
    if not ids:
        return [upload for upload in known if not upload.finished and (everything or upload.expires <= now)]
    by_id = {upload.id: upload for upload in known}
    for id in ids:
        if id not in by_id:
            raise SettingsError(f"there is no upload {id}")
    return [by_id[id] for id in dict.fromkeys(ids)]


async def _purge(core: Core, upload: Upload) -> str:
    """Returns what became of it."""
    try:
        space = await core.whereabouts.of(upload)
        if space is None:
            await Uploads(core.state).delete(upload.id)
            return "forgotten; nobody knows the space any more where its bytes would be"
        await core.uploads.abort(upload, space)
    except (NotFound, NotSupported, StorageUnavailable) as error:
        # What no session names is cleared up when the space is opened again.
        await Uploads(core.state).delete(upload.id)
        return f"forgotten; its bytes have to wait: {error}"
    return "thrown away"


def _name(upload: Upload) -> tuple[str, ...]:
    return upload.id, upload.owner, upload.space, upload.dialect, f"/{_printable(upload.path)}" if upload.path else "-"


def _printable(text: str) -> str:
    """What clients have chosen may hold anything, also what terminals obey."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _progress_of(arrived: int, size: int | None) -> str:
    if size is None:
        return f"{arrived} bytes"
    return f"{arrived} of {size} bytes ({100 * arrived // size if size else 100}%)"


def _life(upload: Upload, now: float, days: float) -> tuple[str, ...]:
    """When it was begun, when it was heard of last if the settings have not changed since, and when it ends."""
    if upload.expires <= 0:
        return f"begun {_moment(upload.created)}", "", "ended"
    heard = max(upload.created, upload.expires - days * 86400)
    end = "expired" if upload.expires <= now else f"expires {_moment(upload.expires)}"
    return f"begun {_moment(upload.created)}", f"heard of {_moment(heard)}", end


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
