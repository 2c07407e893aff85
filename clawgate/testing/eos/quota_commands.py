"""`quota` of `/proc/user/` and `/proc/admin/` (sections 4.7, 7.9)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from .namespace import Namespace
from .nodes import Container
from .output import Output
from .quota import Limit

if TYPE_CHECKING:
    from .proc import Call


class QuotaCommands:
    """What users may see, and administrators set."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def run(self, call: Call) -> Output:
        """`quota lsuser`: what somebody has and holds, and the same of their group."""
        here, who = self._namespace, call.who
        node = here.tree.look(call.path("mgm.quota.space") or "/eos/")
        place = here.quota.node_of(node if isinstance(node, Container) else node.parent if node is not None else None)
        if place is None or who.uid not in here.quota.users[place.id]:
            return Output()
        limit = here.quota.users[place.id][who.uid]
        name, group = here.identities.name_of(who.uid), here.identities.group_name(who.gid)
        lines = [self._line(place, f"uid={name}", "u", who.uid, limit, "ok")]
        lines.append(self._line(place, f"gid={group}", "g", who.gid, Limit(0, 0), "ignored"))
        return Output("\n".join(lines))

    def _line(self, place: Container, whose: str, kind: str, number: int, limit: Limit, status: str) -> str:
        use, times = self._namespace.quota.used[place.id, kind, number], self._namespace.profile.replicas
        most, files = limit.bytes or 0, limit.files or 0
        over = status == "ok" and most and use.bytes >= most
        share = 100.0 * use.bytes / most if most else 0.0
        return (
            f"quota=node {whose} space={place.path}/ usedbytes={use.bytes * times} usedlogicalbytes={use.bytes} "
            f"usedfiles={use.files} maxbytes={most * times} maxlogicalbytes={most} maxfiles={files} "
            f"percentageusedbytes={share:.2f} statusbytes={'exceeded' if over else status} statusfiles={status}"
        )

    def administer(self, call: Call, command: str, subcommand: str) -> Output:
        """Section 4.3: only for administrators, and not used by a gateway; quota is what tests need of it."""
        if not call.who.sudo:
            return Output(errno=errno.EPERM, error="error: you have no permission to execute admin commands")
        if (command, subcommand) != ("quota", "set"):
            return Output(errno=errno.EINVAL, error=f"error: no such admin command '{command}'")
        here = self._namespace
        most = int(call.keys["mgm.quota.maxbytes"]) // here.profile.replicas
        if most < here.profile.minimum_quota:
            return Output(errno=errno.EINVAL, error="error: the volume quota is below the minimum booking size")
        files = call.keys.get("mgm.quota.maxinodes")
        place = here.tree.directory(call.path("mgm.quota.space"))
        here.quota.set(place, int(call.keys["mgm.quota.uid"]), Limit(most, int(files) if files else None))
        return Output()
