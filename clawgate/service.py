"""``twistd clawgate``: options, and the services that run while the gateway does."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO, cast

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IReadDescriptor, IStreamServerEndpoint
from twisted.logger import ILogObserver
from twisted.python import usage
from twisted.python.components import Componentized
from twisted.python.failure import Failure
from twisted.python.logfile import LogFile

from . import configuration, data, endpoints, heap, log
from .errors import ClawgateError, SettingsError
from .settings import Settings

if TYPE_CHECKING:
    from .web.site import ClawSite

_log = log.make_logger()


class Options(usage.Options):
    """The command line of ``twistd clawgate``."""

    synopsis = "[options]"
    longdesc = (
        "A streaming gateway: ownCloud and Nextcloud clients sync storage that a site already has. "
        "Without options it serves ./clawgate-data/files on 127.0.0.1:9280; the first start makes a user 'admin' and shows its "
        "password once."
    )
    optFlags = (("check", None, "Check settings, storages and users, say what is wrong, and end."),)
    optParameters = (("data", "d", None, "Directory for state, index, users and the files of the embedded default."),)

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.files: list[str] = []
        self.endpoints: list[str] = []
        self.users: list[tuple[str, str]] = []
        self.settings = Settings()

    def opt_config(self, file: str) -> None:
        """A settings file; may be given several times, later ones win."""
        self.files.append(file)

    def opt_listen(self, endpoint: str) -> None:
        """A Twisted server endpoint, e.g. tcp:9280; may be given several times."""
        self.endpoints.append(endpoint)

    def opt_user(self, pair: str) -> None:
        """NAME:PASSWORD of a user that is made, or given this password; may be given several times, not with --config."""
        name, colon, password = pair.partition(":")
        if not colon or not password:
            raise usage.UsageError("--user: expected NAME:PASSWORD")
        self.users.append((name, password))

    opt_c = opt_config
    opt_l = opt_listen
    opt_u = opt_user

    def postOptions(self) -> None:
        """Read the settings. What is wrong with them ends the process: their place matters then, not the list of options."""
        if self.users and self.files:
            raise usage.UsageError("--user is for the embedded default; with --config use 'clawgate user add'")
        try:
            self.settings = configuration.load(self.files, os.environ, data=self["data"], http__listen=self.endpoints or None)
        except SettingsError as error:
            raise SystemExit(f"clawgate: {error}") from None


def makeService(options: Options) -> IService:
    """Put the gateway together. Touches the data directory, opens nothing."""
    heap.keep_blocks()
    settings = options.settings
    if options["check"]:
        from .cli import check

        raise SystemExit(check(settings, sys.stdout))
    parent = cast("dict[str, Any]", options.parent or {})
    from twisted.internet import reactor

    try:
        owner = _owner(parent)
        data.make(settings, owner)
        if not options.files:
            password = data.first_users(settings, options.users, owner)
            if password is not None:
                _announce(data.FIRST_USER, password, settings)
        return GatewayService(settings, reactor, parent)
    except SettingsError as error:
        raise SystemExit(f"clawgate: {error}") from None


def _owner(parent: dict[str, Any]) -> data.Owner | None:
    """Who twistd will become (``--uid``, ``--gid``)."""
    uid, gid = parent.get("uid"), parent.get("gid")
    return None if uid is None and gid is None else (-1 if uid is None else uid, -1 if gid is None else gid)


def _announce(user: str, password: str, settings: Settings) -> None:
    lines = (
        "",
        f"  First start: the data are in {settings.data}",
        f"  user:     {user}",
        f"  password: {password}",
        "  It is shown only now; 'clawgate user passwd admin' sets another one.",
        "",
    )
    print("\n".join(lines), file=sys.stderr, flush=True)


class Listener(Service):
    """One listening port. Bound as long as the process may bind low ports; connections wait in its queue until `open`."""

    def __init__(
        self, endpoint: IStreamServerEndpoint, key: str, description: str, site: ClawSite, doubts: Sequence[str] = ()
    ) -> None:
        """`key` is the setting that `description` is of, `doubts` what is said of it at the start."""
        self._endpoint = endpoint
        self._key = key
        self._doubts = doubts
        self._description = description
        self._site = site
        self._port: Any = None

    def privilegedStartService(self) -> None:
        """Bind. Ends the process if that is not possible."""
        self._bind()

    def startService(self) -> None:
        """Bind, if nobody has yet."""
        super().startService()  # type: ignore[no-untyped-call]
        if self._port is None:
            self._bind()

    def _bind(self) -> None:
        failures: list[Failure] = []
        self._endpoint.listen(self._site).addCallbacks(self._bound, failures.append)
        if failures:
            wrong = failures[0].getErrorMessage()
            mend = endpoints.remedy(wrong)
            raise SystemExit(f"clawgate: {self._key}: cannot listen on {self._description}: {wrong}; {mend}")

    def _bound(self, port: IListeningPort) -> None:
        self._port = port
        if IReadDescriptor.providedBy(port):
            self._port.pauseProducing()
            self._site.hold_back(self._port)

    def open(self) -> None:
        """Take connections."""
        if IReadDescriptor.providedBy(self._port):
            cast(Any, self._port).resumeProducing()
        _log.info("listening on {endpoint}: {address}", endpoint=self._description, address=self._port.getHost())
        for doubt in self._doubts:
            _log.error("{key}: {endpoint}: {doubt}", key=self._key, endpoint=self._description, doubt=doubt)

    async def close(self) -> None:
        """Take no more connections."""
        if self._port is not None:
            port, self._port = self._port, None
            await port.stopListening()


class GatewayService(MultiService):
    """Pools and databases, then listeners; stopped the other way round."""

    def __init__(self, settings: Settings, reactor: Any, parent: dict[str, Any]) -> None:
        """`parent`: the options of twistd. Raises `SettingsError`."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._settings = settings
        self._reactor = reactor
        self._parent = parent
        self._lock = data.Lock(settings)
        self._starting: Deferred[None] | None = None
        with heap.uncollected():
            # Most of a start is this.
            from .assembly import Gateway
        self.gateway = Gateway(settings, reactor)
        self._public = self._listeners("http.listen", settings.http.listen, self.gateway.site)
        self._admin = self._listeners("admin.listen", settings.admin.listen, self.gateway.admin_site)
        for listener in (*self._public, *self._admin):
            listener.setServiceParent(self)  # type: ignore[no-untyped-call]

    def _listeners(self, key: str, descriptions: Sequence[str], site: ClawSite) -> list[Listener]:
        found = []
        for description in descriptions:
            wrong = list(endpoints.faults(description))
            for fault in wrong:
                if fault.grave:
                    raise SettingsError(f"{key}: {description}: {fault.text}; {fault.remedy}")
            try:
                endpoint = cast(IStreamServerEndpoint, serverFromString(self._reactor, description))  # type: ignore[no-untyped-call]
            except Exception as error:
                raise SettingsError(f"{key}: {description!r} {endpoints.unusable(description, error)}") from error
            found.append(
                Listener(
                    endpoint, key, description, site, [f"{fault.text}; {fault.remedy}" for fault in wrong if not fault.later]
                )
            )
        return found

    def setServiceParent(self, parent: Any) -> None:
        """Join the application, and become its log observer unless the command line names another one."""
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]
        stream = _stream(self._parent)
        if stream is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, log.set_up(self._settings.log, stream))  # type: ignore[no-untyped-call]
        else:
            log.set_level(self._settings.log.level)

    def startService(self) -> None:
        """Begin; the ports open when everything behind them works."""
        try:
            if not self._lock.take():
                raise SettingsError(f"another clawgate works with {self._settings.data}")
        except SettingsError as error:
            raise SystemExit(f"clawgate: {error}") from None
        super().startService()  # type: ignore[no-untyped-call]
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addErrback(self._failed)

    async def _start(self) -> None:
        await self.gateway.start()
        heap.spare_the_collector()
        for listener in (*self._public, *self._admin):
            listener.open()

    def _failed(self, failure: Failure) -> None:
        if isinstance(failure.value, ClawgateError):
            _log.critical("cannot start: {error}", error=str(failure.value))
        else:
            _log.failure("cannot start", failure=failure)
        atexit.register(_exit_with_failure)
        self._reactor.callWhenRunning(self._reactor.stop)

    def stopService(self) -> Deferred[None]:
        """Close the ports, let running requests end, then close what is behind them."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._starting is not None:
            await self._starting
        self.gateway.admin.stopping = True
        for listener in self._public:
            await listener.close()
        self.gateway.release()
        _log.info("stopping; {running} requests are running", running=self.gateway.site.running)
        await self.gateway.site.drain(self._settings.http.stop_timeout)
        for listener in self._admin:
            await listener.close()
        await self.gateway.admin_site.drain(1)
        await cast("Deferred[Any]", super().stopService())  # type: ignore[no-untyped-call]
        await self.gateway.stop()
        self._lock.release()


def _stream(parent: dict[str, Any]) -> TextIO | None:
    """Where twistd's options send the log; None if they name an observer of their own."""
    if not parent or parent.get("logger") or parent.get("syslog"):
        return None
    file = parent.get("logfile")
    if file == "-" or (not file and parent.get("nodaemon")):
        return sys.stdout
    return cast(TextIO, LogFile.fromFullPath(file or "twistd.log"))  # type: ignore[no-untyped-call]


def _exit_with_failure() -> None:
    # twistd ends with 0 whenever the reactor was stopped, and then a supervisor would not start it again.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
