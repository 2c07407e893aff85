"""``clawgate``: the operator's command. It works on the settings that the gateway runs with.

What stands for the gateway itself is imported by the commands that need it: the others are quick.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from . import __version__, configuration, data, tokens
from .commands import users
from .commands.explain import explain
from .commands.running import alone_with_core, with_index, with_state
from .errors import ClawgateError, SettingsError
from .model.finding import Level
from .model.made_space import Role
from .model.people import Scope
from .model.size import parse_size
from .settings import Settings

if TYPE_CHECKING:
    from .assembly import Core

Command = Callable[[argparse.Namespace, Settings], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        settings = configuration.load(options.config or [], os.environ, data=options.data)
        return command(options, settings)
    except ClawgateError as error:
        print(f"clawgate: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of a pipe has seen enough; nothing may be written at exit any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="clawgate", description=__doc__)
    # Given before or after the command: the second parser must not overwrite with its defaults.
    shared = argparse.ArgumentParser(add_help=False)
    for target, default in ((parser, None), (shared, argparse.SUPPRESS)):
        target.add_argument("--config", "-c", action="append", metavar="FILE", default=default, help="settings; repeatable")
        target.add_argument("--data", "-d", metavar="DIR", default=default, help="data directory")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(group: Any, name: str, command: Command, help: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = group.add_parser(name, parents=[shared], help=help, description=help)
        made.set_defaults(command=command)
        return made

    def group(name: str, help: str) -> Any:
        return commands.add_parser(name, help=help, description=help).add_subparsers(required=True, metavar="COMMAND")

    add(commands, "check", lambda _, settings: check(settings, sys.stdout), "say what would not work, and how to mend it")
    add(commands, "settings", _settings, "print every setting with its default")
    asked = add(commands, "explain", explain, "say where a path of a user is, with which rights, and why")
    asked.add_argument("user", nargs="?", help="with --against: all of the file of users by default")
    asked.add_argument("path", nargs="?", default="/")
    asked.add_argument(
        "--against", metavar="FILE", action="append", default=[], help="say what these settings would change; changes nothing"
    )
    facts = asked.add_argument_group("what a token of an OpenID provider would say", "with any of these nobody is asked")
    facts.add_argument("--group", action="append", default=[], help="repeatable")
    facts.add_argument("--attribute", metavar="NAME=VALUE", action="append", default=[], help="repeatable")
    facts.add_argument("--name", dest="display")
    facts.add_argument("--mail")
    facts.add_argument("--uid", type=int)
    facts.add_argument("--gid", type=int)
    facts.add_argument("--quota", help="e.g. '10 GiB'")

    accounts = group("user", "the file of users")
    for name, command, help in (("add", users.add, "add a user"), ("passwd", users.passwd, "set a password")):
        made = add(accounts, name, command, help + "; the password is asked for, or read from a pipe")
        made.add_argument("name")
        if command is users.add:
            made.add_argument("--name", dest="display", default="", help="the name to show")
            made.add_argument("--mail", default="")
            made.add_argument("--group", action="append", default=[], help="repeatable")
            made.add_argument("--quota", help="e.g. '10 GiB'")
            made.add_argument("--uid", type=int, help='on the storages\' systems, for mounts with act_as = "user"')
            made.add_argument("--gid", type=int, help="the primary group there")
    add(accounts, "remove", users.remove, "remove a user; files stay").add_argument("name")
    add(accounts, "list", users.show, "list all users")

    index = group("index", "the index; while the gateway is stopped, but for status")
    for name, command, help in (
        ("rebuild", _index_rebuild, "learn everything anew from the storages"),
        ("verify", _index_verify, "compare with the storages; changes nothing"),
        ("restored", _index_restored, "have clients told that storages and data were restored together from a backup"),
    ):
        made = add(index, name, command, help)
        made.add_argument("user", nargs="*", help="whose spaces; by default all whose place is known without asking")
        made.add_argument("--space", metavar="ID", action="append", default=[], help="a space, as uploads and errors name it")

    add(index, "status", _index_status, "say what is known of each space and when it was walked; a gateway may be running")

    add(commands, "staleness", _staleness, "say how old answers of a running gateway may be, for each space")

    app_passwords = group("token", "app passwords; a gateway may be running")
    create = add(app_passwords, "create", _token_create, "make an app password; its secret is printed, only this once")
    create.add_argument("user")
    create.add_argument("--name", default="", help="what it is for")
    create.add_argument("--read-only", action="store_true")
    create.add_argument("--space", metavar="ID", default="", help="the only space it is good for, as 'clawgate explain' names it")
    create.add_argument("--days", type=float, help="how long it lives, 0: for ever; by default app_passwords.days")
    create.add_argument("--foreign", action="store_true", help="the person is known by an OpenID provider only")
    add(app_passwords, "list", _token_list, "list app passwords and when they were last used").add_argument("user", nargs="?")
    revoke = add(app_passwords, "revoke", _token_revoke, "end app passwords at once")
    revoke.add_argument("user")
    revoke.add_argument("id", nargs="*", help="as listed")
    revoke.add_argument("--all", action="store_true", help="all of the user")

    logins = group("login", "logins with a browser; a gateway may be running")
    add(logins, "list", _login_list, "list logins at the gateway's own page and when they end").add_argument("user", nargs="?")
    add(logins, "end", _login_end, "log somebody out with all browsers, at once").add_argument("user")

    spaces = group("space", "project spaces that people make; a gateway may be running")
    add(spaces, "list", _space_list, "list them with their folders and members")
    create = add(spaces, "create", _space_create, "make one")
    create.add_argument("mount", help="with the setting 'creators'")
    create.add_argument("name")
    create.add_argument("--manager", required=True, metavar="USER", help="its first member; or @GROUP")
    create.add_argument("--quota", default="0", help="e.g. '10 GiB'; by default that of the mount")
    member = add(spaces, "member", _space_member, "give somebody a role in one")
    member.add_argument("space", help="its id, as listed")
    member.add_argument("member", help="a user, or @GROUP")
    member.add_argument("role", choices=[*[role.value for role in Role], "none"])
    member.add_argument("--days", type=float, help="how long; by default for ever")
    for name, help in (
        ("disable", "let nobody get at its files, which stay"),
        ("restore", "the opposite"),
        ("remove", "remove a disabled one with all its files, for good"),
    ):
        add(spaces, name, _space_turn, help).add_argument("space", help="its id, as listed")
        spaces.choices[name].set_defaults(what=name)

    uploads = group("uploads", "uploads that take several requests")
    add(uploads, "list", _uploads_list, "list unfinished uploads and how far they are")
    purge = add(uploads, "purge", _uploads_purge, "throw unfinished uploads away; if the gateway runs it is told to do so")
    purge.add_argument("id", nargs="*", help="as listed")
    which = purge.add_mutually_exclusive_group()
    which.add_argument("--expired", action="store_true", help="those whose time is up; this is the default")
    which.add_argument("--all", action="store_true", help="all of them")
    return parser


def check(settings: Settings, out: TextIO) -> int:
    """Print what was looked at; returns 1 if something would not work."""
    from . import checks

    failed = False
    for finding in checks.run(settings, _listen):
        failed = failed or finding.level is Level.FAILURE
        print(f"{finding.level.value:<5}{finding.text}", file=out)
        if finding.remedy:
            print(f"     -> {finding.remedy}", file=out)
    print("some things would not work" if failed else "ready to run", file=out)
    return int(failed)


def _listen(description: str) -> str:
    """Bind an endpoint for a moment."""
    from twisted.internet import reactor
    from twisted.internet.endpoints import serverFromString
    from twisted.internet.protocol import Factory

    outcome: list[Any] = []
    try:
        serverFromString(reactor, description).listen(Factory()).addBoth(outcome.append)  # type: ignore[no-untyped-call]
    except Exception as error:
        return f"is not a server endpoint: {error}"
    if outcome and hasattr(outcome[0], "getErrorMessage"):
        return str(outcome[0].getErrorMessage())
    for port in outcome:
        port.stopListening()
    return ""


def _settings(options: argparse.Namespace, settings: Settings) -> int:
    print(configuration.sample(), end="")
    return 0


def _index_rebuild(options: argparse.Namespace, settings: Settings) -> int:
    from . import maintenance

    return alone_with_core(settings, lambda core: maintenance.rebuild(core, options.user, options.space, sys.stdout))


def _index_verify(options: argparse.Namespace, settings: Settings) -> int:
    from . import maintenance

    return alone_with_core(settings, lambda core: maintenance.verify(core, options.user, options.space, sys.stdout))


def _index_status(options: argparse.Namespace, settings: Settings) -> int:
    from . import maintenance

    return with_index(settings, lambda core: maintenance.show_status(core, sys.stdout))


def _index_restored(options: argparse.Namespace, settings: Settings) -> int:
    from . import maintenance, standings

    async def work(core: Core) -> int:
        return await standings.restored(core, await maintenance.spaces(core, options.user, options.space, sys.stdout), sys.stdout)

    return alone_with_core(settings, work)


def _staleness(options: argparse.Namespace, settings: Settings) -> int:
    from . import standings

    return with_index(settings, lambda core: standings.show(core, sys.stdout))


def _token_create(options: argparse.Namespace, settings: Settings) -> int:
    scope = Scope(options.read_only, options.space)
    data.make(settings)
    return with_state(
        settings,
        lambda core: tokens.create(
            core, options.user, options.name, scope, options.days, options.foreign, sys.stdout, sys.stderr
        ),
    )


def _token_list(options: argparse.Namespace, settings: Settings) -> int:
    return with_state(settings, lambda core: tokens.show(core, options.user, sys.stdout))


def _token_revoke(options: argparse.Namespace, settings: Settings) -> int:
    if bool(options.id) == options.all:
        raise SettingsError("token revoke: name app passwords, or say --all")
    return with_state(settings, lambda core: tokens.revoke(core, options.user, options.id, options.all, sys.stdout))


def _login_list(options: argparse.Namespace, settings: Settings) -> int:
    return with_state(settings, lambda core: tokens.show_logins(core, options.user, sys.stdout))


def _login_end(options: argparse.Namespace, settings: Settings) -> int:
    return with_state(settings, lambda core: tokens.end_logins(core, options.user, sys.stdout))


def _space_list(options: argparse.Namespace, settings: Settings) -> int:
    from . import projects

    return projects.show(settings, sys.stdout)


def _space_create(options: argparse.Namespace, settings: Settings) -> int:
    from . import projects

    try:
        quota = parse_size(options.quota)
    except ValueError as error:
        raise SettingsError(f"--quota: {error}") from None
    data.make(settings)
    return with_state(
        settings, lambda core: projects.create(core, options.mount, options.name, options.manager, quota, sys.stdout)
    )


def _space_member(options: argparse.Namespace, settings: Settings) -> int:
    from . import projects

    return with_state(
        settings, lambda core: projects.give(core, options.space, options.member, options.role, options.days, sys.stdout)
    )


def _space_turn(options: argparse.Namespace, settings: Settings) -> int:
    from . import projects

    return with_state(settings, lambda core: projects.turn(core, options.space, options.what, sys.stdout))


def _uploads_list(options: argparse.Namespace, settings: Settings) -> int:
    from . import maintenance

    return with_state(settings, lambda core: maintenance.list_uploads(core, sys.stdout))


def _uploads_purge(options: argparse.Namespace, settings: Settings) -> int:
    if options.id and (options.expired or options.all):
        raise SettingsError("uploads purge: name uploads, or say which kind, not both")
    from . import maintenance

    return alone_with_core(
        settings,
        lambda core: maintenance.purge_uploads(core, options.id, options.all, sys.stdout),
        lambda core: maintenance.end_uploads(core, options.id, options.all, sys.stdout),
    )
