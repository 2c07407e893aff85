"""`Metadata` by HTTP: WebDAV for what is changed and checked, ``/proc/user/`` for what WebDAV cannot say (eos.md, section 4)."""

from __future__ import annotations

import base64
import errno
import json
import re
from collections.abc import Mapping
from typing import Any

from ...errors import (
    Forbidden,
    InvalidRequest,
    NotAFolder,
    NotFound,
    NotSupported,
    ParentMissing,
    StorageBroken,
    StorageUnavailable,
)
from ...interfaces import Room
from ...log import make_logger
from .facts import Container, Entry, container, entry, propfind
from .failures import by_number, by_status
from .instance import Answer, Instance, Who
from .metadata import Account, Metadata
from .names import DESTINATION_MAX, globs, in_url, query
from .recycled import Reply, probe_command, reply, restore_command, shared_bin
from .releases import SHORT, Release, release

log = make_logger()

_INLINE = 32768
"""Longer answers are read in a thread."""
_RELEASE_SECONDS = 3600.0
_PROC = b"/proc/user/"
_IDS = ("inode:", "fxid:", "pxid:")
_PLAIN = re.compile(r"[A-Za-z0-9 :._-]*")


class HttpMetadata(Metadata):
    """See the module."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._release: tuple[float, Release] | None = None
        self._recycles: tuple[float, bool] | None = None
        options = instance.options
        door = "mhd" if options.proc_urls else options.door
        encoding = options.encoding if options.encoding != "auto" else "once" if door == "mhd" else "encodepath"
        self._encodepath = encoding == "encodepath"

    async def whoami(self, who: Who) -> Account:
        """See `Metadata.whoami`."""
        found = await self._command(who, {"mgm.cmd": "whoami", "mgm.option": "m"})
        try:
            (one,) = found["whoami"]
            uid, gid = int(one["uid"]), int(one["gid"])
            gids = one.get("gids", gid)
            listed = str(gids).split(",") if isinstance(gids, str) else [str(int(gids))]
            return Account(uid, gid, tuple(sorted({int(float(gid)) for gid in listed if gid})), one.get("sudo") == "true")
        except (KeyError, TypeError, ValueError) as error:
            raise StorageBroken("the storage does not say who one is") from error

    async def release(self, who: Who) -> Release:
        """See `Metadata.release`."""
        now = self._instance.reactor.seconds()
        if self._release is None or self._release[0] <= now:
            wanted = self._instance.options.version
            text = SHORT.get(wanted, wanted)
            if wanted == "auto":
                found = await self._command(who, {"mgm.cmd": "version", "mgm.option": "m"})
                text = _version(found)
            known = release(text)
            if known is None:
                raise StorageBroken("the storage does not tell its version; set the version by hand")
            self._release = (now + _RELEASE_SECONDS, known)
        return self._release[1]

    async def look(self, who: Who, path: str) -> Entry | None:
        """See `Metadata.look`. One call."""
        answer = await self._instance.ask(who, "PROPFIND", in_url(path), headers={"Depth": "0"})
        if answer.status == 404:
            return None
        if answer.status != 207:
            raise by_status("PROPFIND", answer.status, answer.body)
        return propfind(answer.body)

    async def describe(self, who: Who, path: str) -> Entry | None:
        """See `Metadata.describe`. One call."""
        try:
            found = await self._fileinfo(who, path)
        except NotFound:
            return None
        return None if found.get("path") is None else entry(found)

    async def container(self, who: Who, path: str) -> Container:
        """See `Metadata.container`. One call."""
        found = await self._fileinfo(who, path)
        if "children" not in found and "treesize" not in found:
            raise NotAFolder("this is not a folder")
        if len(found.get("children") or ()) > 100:
            return await self._instance.workers.run(container, found)
        return container(found)

    async def locate(self, who: Who, inode: int) -> str:
        """See `Metadata.locate`. One call."""
        found = await self._fileinfo(who, f"inode:{inode}")
        path = str(found.get("path", "")).rstrip("/")
        if not path or found.get("detached"):
            raise NotFound("there is nothing with this id")
        return path

    async def see_readable(self, who: Who, path: str) -> None:
        """See `Metadata.see_readable`. One call."""
        answer = await self._instance.ask(who, "HEAD", in_url(path))
        if answer.status != 200:
            raise by_status("HEAD", answer.status, answer.body)

    async def make_folder(self, who: Who, path: str) -> int:
        """See `Metadata.make_folder`. One call; again does no harm, because EOS says the same of a folder that is there."""
        answer = await self._instance.ask(who, "MKCOL", in_url(path))
        if answer.status != 201:
            raise by_status("MKCOL", answer.status, answer.body)
        inode = answer.headers.get("oc-fileid", "")
        return int(inode) if inode.isdigit() else 0

    async def create(self, who: Who, path: str) -> int:
        """See `Metadata.create`. Two calls."""
        await self._command(who, {"mgm.cmd": "file", "mgm.subcmd": "touch"}, {"mgm.path": path})
        found = await self.describe(who, path)
        if found is None:
            raise StorageBroken("the storage made a file, and does not have it")
        return found.inode

    async def set_attribute(self, who: Who, path: str, key: str, value: str) -> None:
        """See `Metadata.set_attribute`. One call. Only in base64 EOS takes a value as it is; one port decodes the query and the
        other does not, so there must be nothing in it to be encoded: blanks fill it up to where base64 needs no ``=``."""
        if not _PLAIN.fullmatch(value):
            raise InvalidRequest("the value of an attribute has characters that cannot be sent")
        coded = f"base64:{base64.b64encode(value.encode().ljust(-(-len(value) // 3) * 3)).decode()}"
        keys = {"mgm.cmd": "attr", "mgm.subcmd": "set", "mgm.attr.key": key, "mgm.attr.value": coded}
        await self._command(who, keys, {"mgm.path": path})

    async def keeps_versions(self, who: Who, path: str) -> bool:
        """See `Metadata.keeps_versions`. One call."""
        wanted = await self._attribute(who, path, "versioning")
        return wanted.get("sys", wanted.get("user", "0")) not in ("", "0", "0.0")

    async def _attribute(self, who: Who, path: str, key: str) -> dict[str, str]:
        """The value of ``sys.KEY`` and ``user.KEY`` of a folder, up to the first blank."""
        found = await self._attributes(who, path)
        return {kind: found[f"{kind}.{key}"] for kind in ("sys", "user") if f"{kind}.{key}" in found}

    async def _attributes(self, who: Who, path: str) -> dict[str, str]:
        """All that a folder has, each up to the first blank."""
        found = await self._command(who, {"mgm.cmd": "attr", "mgm.subcmd": "ls"}, {"mgm.path": path})
        flat: dict[str, str] = {}

        def take(key: str, value: Any) -> None:
            if isinstance(value, dict):
                for name, below in value.items():
                    take(f"{key}.{name}" if key else str(name), below)
            elif value is not None:
                flat[key] = str(value)

        for one in (found.get("attr") or {}).get("ls") or ():
            take("", one if isinstance(one, dict) else None)
        return flat

    async def keep_version(self, who: Who, path: str) -> None:
        """See `Metadata.keep_version`. One call."""
        await self._command(who, {"mgm.cmd": "file", "mgm.subcmd": "version"}, {"mgm.path": path}, again=False, long=True)

    async def thin_out(self, who: Who, path: str) -> None:
        """See `Metadata.thin_out`. Two calls."""
        wanted = await self._attribute(who, path.rpartition("/")[0], "versioning")
        try:
            most = int(float(wanted.get("sys", wanted.get("user", "0"))))
        except ValueError:
            return
        if most > 0:
            keys = {"mgm.cmd": "file", "mgm.subcmd": "purge", "mgm.purge.version": str(most)}
            await self._command(who, keys, {"mgm.path": path}, again=False)

    async def remove(self, who: Who, path: str) -> None:
        """See `Metadata.remove`. One call."""
        if globs(path):
            raise InvalidRequest("this name would remove others as well")
        answer = await self._instance.ask(who, "DELETE", in_url(path), again=False, long=True)
        if answer.status not in (200, 204):
            raise by_status("DELETE", answer.status, answer.body)

    async def rename(self, who: Who, source: str, target: str, *, replace: bool) -> None:
        """See `Metadata.rename`. One call."""
        if replace and self._told_as_they_are(source, target):
            keys = {"mgm.cmd": "file", "mgm.subcmd": "rename"}
            paths = {"mgm.path": source, "mgm.file.source": source, "mgm.file.target": target}
            await self._command(who, keys, paths, again=False)
            return
        if replace and not self.can_replace(source, target):
            raise InvalidRequest("this name would remove others as well")
        if len(target.encode()) > DESTINATION_MAX:
            raise InvalidRequest("the path is too long for the storage")
        headers = {"Destination": in_url(target).decode(), "Overwrite": "T" if replace else "F"}
        answer = await self._instance.ask(who, "MOVE", in_url(source), headers=headers, again=False)
        if answer.status in (201, 204):
            return
        if answer.status == 409:
            raise (
                NotFound("there is no such file")
                if await self.look(who, source) is None
                else ParentMissing("the folder of the destination does not exist")
            )
        raise by_status("MOVE", answer.status, answer.body)

    def can_replace(self, source: str, target: str) -> bool:
        """See `Metadata.can_replace`. MOVE would delete the target by its name, in which an asterisk is a pattern."""
        return self._told_as_they_are(source, target) or not globs(target)

    def _told_as_they_are(self, *paths: str) -> bool:
        """Whether paths besides ``mgm.path`` come through: with ``eos.encodepath`` only that one is decoded."""
        return not self._encodepath or all(in_url(path).decode() == path for path in paths)

    async def room(self, who: Who, path: str) -> Room:
        """See `Metadata.room`. One call. Logical bytes: those that people count."""
        keys = {"mgm.cmd": "quota", "mgm.subcmd": "lsuser", "mgm.quota.format": "m"}
        while not self._told_as_they_are(path):
            # What is above has the same quota, unless there is a node of its own in between.
            path = path.rpartition("/")[0]
        try:
            found = await self._command(who, keys, {"mgm.quota.space": path})
        except NotFound:
            return Room(None, None)
        listed = (found.get("quota") or {}).get("lsuser") or ()
        for one in listed:
            if isinstance(one, dict) and "uid" in one and one.get("statusbytes") != "ignored":
                used, most = int(one.get("usedlogicalbytes") or 0), int(one.get("maxlogicalbytes") or 0)
                return Room(used, max(0, most - used) if most else None)
        return Room(None, None)

    async def restore_version(self, who: Who, path: str, key: str) -> None:
        """See `Metadata.restore_version`. One call."""
        keys = {"mgm.cmd": "file", "mgm.subcmd": "versions", "mgm.grab.version": key}
        await self._command(who, keys, {"mgm.path": path}, again=False)

    async def recycle_bin(self, who: Who, path: str) -> str:
        """See `Metadata.recycle_bin`. One call, and one now and then to see whether commands for the bin are answered."""
        known = await self._attributes(who, path)
        wanted = self._instance.options.recycle_bin or known.get("sys.recycle", "")
        if not wanted.startswith("/"):
            return ""
        # What looks like a number comes as one with a point.
        wanted = shared_bin(wanted, known.get("sys.forced.recycleid", "").removesuffix(".0"))
        now = self._instance.reactor.seconds()
        if self._recycles is None or self._recycles[0] <= now:
            try:
                number = (await self._recycle(who, probe_command())).number
                reason = f"error {number}"
            except Forbidden as error:
                # That says nothing of others.
                log.warn("the recycle bin is not shown to {who}: {error}", who=who, error=error)
                return ""
            except (StorageBroken, NotSupported) as error:
                number, reason = 1, str(error)
            if number:
                log.warn("the recycle bin is not shown, commands for it fail: {reason}", reason=reason)
            self._recycles = (now + _RELEASE_SECONDS, not number)
        return wanted if self._recycles[1] else ""

    async def recycled(self, who: Who, key: str) -> Entry | None:
        """See `Metadata.recycled`. One call."""
        return await self.describe(who, key)

    async def bring_back(self, who: Who, key: str) -> None:
        """See `Metadata.bring_back`. One call. What EOS takes long for goes on after it has said that it is busy."""
        number = (await self._recycle(who, restore_command(key), again=False)).number
        if number == errno.ENOENT:
            raise ParentMissing("the folder that it was in does not exist any more")
        if number:
            raise by_number(number)

    async def remove_empty(self, who: Who, path: str) -> None:
        """See `Metadata.remove_empty`. One call."""
        await self._command(who, {"mgm.cmd": "rmdir"}, {"mgm.path": path}, again=False)

    async def _recycle(self, who: Who, command: str, *, again: bool = True) -> Reply:
        text = query({"mgm.cmd.proto": command}, {}, encodepath=False)
        answer = await self._instance.ask(who, "GET", _PROC, text, proc=True, again=again)
        if answer.status != 200:
            raise by_status("PROC", answer.status, answer.body)
        return reply(answer.body)

    async def _fileinfo(self, who: Who, path: str) -> Mapping[str, Any]:
        keys, paths = {"mgm.cmd": "fileinfo"}, {"mgm.path": path}
        if path.startswith(_IDS):
            keys, paths = {**keys, "mgm.path": path}, {}
        found = await self._command(who, keys, paths)
        if "errc" in found:
            raise by_number(int(found["errc"]))
        return found

    async def _command(
        self,
        who: Who,
        keys: Mapping[str, str],
        paths: Mapping[str, str] | None = None,
        *,
        again: bool = True,
        long: bool = False,
    ) -> Mapping[str, Any]:
        """Raises what the number in the answer means: its status is 200 whatever happened."""
        text = query({**keys, "mgm.format": "json"}, dict(paths or {}), encodepath=self._encodepath and bool(paths))
        answer = await self._instance.ask(who, "GET", _PROC, text, proc=True, again=again, long=long)
        if answer.status == 403:
            raise StorageUnavailable("the storage does not let the gateway ask for metadata (/proc is closed)")
        if answer.status != 200:
            raise by_status("PROC", answer.status, answer.body)
        found = await self._parse(answer)
        try:
            number = int(found.get("retc") or 0)
        except (TypeError, ValueError) as error:
            raise StorageBroken("the storage answers with something that is no answer") from error
        if number:
            raise by_number(number)
        if found.get("errormsg") and "retc" in found:
            raise StorageBroken("the storage says that it has done it, and why not")
        return found

    async def _parse(self, answer: Answer) -> Mapping[str, Any]:
        try:
            found = await self._instance.workers.run(_load, answer.body) if len(answer.body) > _INLINE else _load(answer.body)
        except ValueError as error:
            raise StorageBroken(
                "the storage answers with something that is no JSON; is its release older than 5.3.21? Then proc_urls is needed"
            ) from error
        if not isinstance(found, dict):
            raise StorageBroken("the storage answers with something that is no answer")
        return found


def _load(body: bytes) -> Any:
    # Names that are not UTF-8 are not shown; they must not hide the others.
    return json.loads(body.decode("utf-8", "replace"))


def _version(found: Mapping[str, Any]) -> str:
    try:
        return str(found["version"][0]["eos"]["instance"]["version"])
    except (KeyError, TypeError, IndexError):
        return ""
