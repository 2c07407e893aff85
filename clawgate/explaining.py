"""What ``clawgate explain`` says: where a person's files are, with which rights and why, and what other settings would change."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping

from .gateway.namespace import Explanation, Namespace
from .gateway.template import title
from .model.path import ROOT
from .model.people import User
from .model.space import Place
from .settings import Mount


def lines(
    user: User,
    explanations: Iterable[Explanation],
    mounts: Mapping[str, Mount],
    there: Callable[[str], bool] = os.path.lexists,
    source: str = "",
    acts_as: Callable[[User, Mount], str] = lambda user, mount: "",
) -> Iterator[str]:
    """One answer; `there` tells whether a physical path exists, `source` who knows the user, `acts_as` as whom the user works on
    a mount, if not as the gateway."""
    groups = ", ".join(sorted(user.groups)) or "none"
    yield f"user {user.id} ({user.display_name}), groups: {groups}"
    if source:
        yield f"known from {source}"
    numbers = [f"{name} {number}" for name, number in (("uid", user.uid), ("gid", user.gid)) if number is not None]
    if numbers:
        yield ", ".join(numbers)
    none = True
    for explanation in explanations:
        place = explanation.place
        yield ""
        if place is None:
            yield f"mount {explanation.mount}: no space"
        else:
            none = False
            mount = mounts[explanation.mount]
            path = physical(place)
            yield f"space {place.space.id} «{place.space.name}»"
            yield f"  storage   {mount.driver}, mount {explanation.mount}"
            if mount.driver == "s3":
                # Asking costs a call, and needs credentials: `clawgate check` does that.
                yield f"  path      s3://{mount.s3.bucket}/{place.space.root}{place.path}"
            elif mount.driver == "eos":
                yield f"  path      {path}"
                yield f"  works as  {title(mount.eos.user, user)} on EOS"
            else:
                yield f"  path      {path}{'' if there(path) else ' (not there)'}"
            yield f"  rights    {rights(place)}"
            if person := acts_as(user, mounts[explanation.mount]):
                yield f"  works as  {person}"
            if place.space.quota is not None:
                yield f"  quota     {place.space.quota} bytes"
        for reason in explanation.reasons:
            yield f"  because   {reason}"
    if none:
        yield "no mount gives this user a space"


def changes(users: Iterable[tuple[User, User | None]], before: Namespace, after: Namespace) -> Iterator[str]:
    """What becomes different for whom when the rules of `before` are replaced by those of `after`.

    `users` are as they are known with the settings of now and with the others; None: nobody knows that one there.
    """
    for user, then in users:
        if then is None:
            yield f"{user.id}: is not known any more"
            continue
        old, new = _spaces(user, before), _spaces(then, after)
        for id in sorted(old.keys() | new.keys()):
            was, will = old.get(id), new.get(id)
            if was is None and will is not None:
                yield f"{user.id}: gets the space {id} at {physical(will)} ({rights(will)})"
            elif will is None and was is not None:
                yield f"{user.id}: loses the space {id} at {physical(was)}"
            elif was is not None and will is not None:
                yield from (f"{user.id}: the space {id} {text}" for text in _differences(was, will))


def physical(place: Place) -> str:
    """The path on the storage."""
    return os.path.join(place.space.root, place.path) if place.path else place.space.root


def rights(place: Place) -> str:
    """The permissions in words."""
    return ", ".join(flag.name.lower() for flag in place.permissions if flag.name) or "none"


def _spaces(user: User, namespace: Namespace) -> dict[str, Place]:
    return {found.place.space.id: found.place for found in namespace.explain(user, ROOT) if found.place is not None}


def _differences(was: Place, will: Place) -> Iterator[str]:
    if was.space.root != will.space.root:
        yield f"moves from {was.space.root} to {will.space.root}"
    if was.permissions != will.permissions:
        yield f"had the rights {rights(was)} and will have {rights(will)}"
    if was.space.quota != will.space.quota:
        yield f"had the quota {_bytes(was.space.quota)} and will have {_bytes(will.space.quota)}"
    if was.space.name != will.space.name:
        yield f"was called «{was.space.name}» and will be called «{will.space.name}»"


def _bytes(count: int | None) -> str:
    return "none" if count is None else f"{count} bytes"
