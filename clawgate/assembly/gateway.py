"""The protocols in front of the core, and the sites that listen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import SettingsError
from ..gateway.chores import Chore
from ..gateway.homes import gives_away
from ..gateway.spaces import Spaces
from ..gateway.tagging import Tagging as TaggingRules
from ..gateway.tags import NAME_LETTERS
from ..index.followers import NOTE_SECONDS
from ..interfaces import Room
from ..log import write_lines
from ..model.path import ROOT
from ..model.people import Actor
from ..protocols import capabilities, wellknown
from ..protocols.admin import Admin
from ..protocols.archiver import handler as archiver
from ..protocols.archiver.spool import Spool
from ..protocols.bucket_events import PREFIX as BUCKET_EVENTS_PREFIX
from ..protocols.bucket_events import BucketEventsHandler
from ..protocols.capabilities import Features, Tus
from ..protocols.login.handler import PREFIXES as LOGIN_PREFIXES
from ..protocols.ocs_app_passwords import PREFIXES as APP_PASSWORD_PREFIXES
from ..protocols.ocs_app_passwords import OcsAppPasswords
from ..protocols.ocs_signing import PREFIXES as SIGNING_PREFIXES
from ..protocols.ocs_signing import OcsSigning
from ..protocols.private_links import PREFIXES as LINK_PREFIXES
from ..protocols.private_links import PrivateLinks
from ..protocols.tus import offer as tus
from ..protocols.tus.content import Verifier
from ..protocols.tus.creation import Creation
from ..protocols.tus.handler import TusHandler
from ..protocols.webdav.chunking_ng import ChunkingNg
from ..protocols.webdav.chunking_v1 import ChunkingV1
from ..protocols.webdav.core_preview import PREFIXES as PREVIEW_PREFIXES
from ..protocols.webdav.core_preview import CorePreview
from ..protocols.webdav.foresight import Foresight
from ..protocols.webdav.handler import DavHandler
from ..protocols.webdav.meta import PREFIXES as META_PREFIXES
from ..protocols.webdav.meta import Meta
from ..protocols.webdav.system_tags import PREFIXES as TAG_PREFIXES
from ..protocols.webdav.system_tags import SystemTags
from ..protocols.webdav.trash_bin import TrashBin
from ..protocols.webdav.trash_target import PREFIXES as TRASH_PREFIXES
from ..protocols.webdav.upload_target import PREFIXES as UPLOAD_PREFIXES
from ..settings import Settings
from ..storage.checksums import ALGORITHMS, Digests
from ..storage.posix.home import can_give_away
from ..web.access_log import AccessLog
from ..web.late import Late
from ..web.login import Login
from ..web.metering import Metering
from ..web.request import Request
from ..web.response import Response
from ..web.router import Handler, KleinHandler, Router
from ..web.site import ClawSite
from .core import Core
from .gallery import Gallery
from .keeping import keeps_trash, keeps_versions
from .logins import has_page, login_pages_of, nextcloud_version, sign_in_of
from .telling import Telling, push
from .website import add_website

if TYPE_CHECKING:
    from ..protocols.graph.graph import Graph
    from ..protocols.graph.tagging import Tagging
    from ..protocols.ocs import Ocs

OCS_PREFIXES = ("/ocs", "/index.php/ocs")
GRAPH_PREFIX = "/graph"
MEND_SECONDS = 5.0
"""Between looks for spaces whose making or removal was interrupted."""
ROOM_SECONDS = 2.0
"""Between looks whether a storage is full."""
OIDC_SECONDS = 10.0
"""Between looks at whether an OpenID provider's documents are old."""


class Gateway:
    """The whole: the core, the protocols in front of it, and the sites that listen."""

    def __init__(self, settings: Settings, reactor: Any) -> None:
        """Nothing is started here. Raises `SettingsError`."""
        self.core = core = Core(settings, reactor)
        core.serving = True
        self._access = AccessLog(reactor, core.files, write_lines, settings.log.format) if settings.log.access else None
        sign_in = sign_in_of(settings, core.tokens)
        login = Login(
            core.entrance,
            settings.users.realm,
            bearer=sign_in is not None,
            basic=all(provider.basic for provider in settings.oidc.values()),
            metadata=wellknown.RESOURCE if sign_in is not None else "",
            signed=core.signing.actor if settings.signed_urls.enabled else None,
            signed_seconds=settings.signed_urls.seconds,
            page=core.page_sessions.actor if has_page(settings) else None,
        )

        # protocols
        offer = tus.Offer(ALGORITHMS, settings.http.max_body_bytes)
        verifier = Verifier(ALGORITHMS, Digests, core.cpu)
        creation = Creation(core.uploads, verifier, offer) if settings.uploads.tus else None
        foresight = Foresight()
        self._gallery = Gallery(core, reactor) if Gallery.possible(settings) else None
        previews = self._gallery.previews if self._gallery is not None else None
        dav = DavHandler(
            core.tree,
            core.namespace,
            core.locks,
            core.properties,
            settings.dav,
            login.authenticate,
            login.challenges,
            chunked=ChunkingV1(core.uploads, settings.uploads, foresight),
            post=creation,
            announced=offer.headers() if creation is not None else None,
            fingerprint=core.generations.fingerprint,
            redirected=core.buckets.redirected,
            previews=previews,
        )
        core.metrics.cache("listings", lambda: (dav.dav.listings.hits, dav.dav.listings.misses))
        uploads = ChunkingNg(dav.dav, core.uploads, settings.uploads, foresight, login.authenticate, login.challenges)
        bin = TrashBin(dav, core.trash, login.authenticate, login.challenges)
        meta = Meta(dav, core.versions, login.authenticate, login.challenges)
        tagging = TaggingRules(core.namespace, core.tree, core.tags, core.locks)
        system_tags = SystemTags(dav, tagging, login.authenticate, login.challenges)
        login_pages = login_pages_of(core)
        features = Features(
            checksums=ALGORITHMS,
            chunking_ng=True,
            chunking_v1=True,
            tus=Tus(tus.VERSION, tus.EXTENSIONS, settings.uploads.tus_chunk_bytes) if creation is not None else None,
            reports=("search-files", "filter-files", "sync-collection") if _is_indexed(settings) else ("filter-files",),
            search=_is_indexed(settings),
            archives=capabilities.Archives(archiver.VERSION, archiver.PREFIX, tuple(archiver.FORMATS)),
            previews=previews.types if previews is not None else (),
            url_signing=settings.signed_urls.enabled,
            favorites=True,
            tag_letters=NAME_LETTERS,
            private_links=True,
            trash=any(map(keeps_trash, settings.mounts.values())),
            no_trash=lambda: all(core.eos.no_bin(name) for name, mount in settings.mounts.items() if keeps_trash(mount)),
            versions=any(map(keeps_versions, settings.mounts.values())),
            events=settings.events.enabled,
            push=push(settings),
            spaces=_spaces(settings, core.making.most) if settings.graph.enabled else None,
            depth_infinity=settings.dav.depth_infinity,
            nextcloud=nextcloud_version(settings) if login_pages is not None else None,
        )

        # addresses
        async def root(request: Request) -> Response:
            """People see a page; mounting clients look at every folder from the root on."""
            return await (front if request.verb in ("GET", "HEAD") else dav)(request)

        pages = wellknown.handlers(features, sign_in, login)
        front = pages.pop("/")
        router = Router()
        router.add("/", root)
        for prefix in ("/remote.php", "/webdav", "/dav"):
            router.add(prefix, dav)
        for prefix in UPLOAD_PREFIXES:
            router.add(prefix, uploads)
        for prefix in TRASH_PREFIXES:
            router.add(prefix, bin)
        for prefix in META_PREFIXES:
            router.add(prefix, meta)
        for prefix in TAG_PREFIXES:
            router.add(prefix, system_tags)
        if creation is not None:
            router.add(tus.BASE, TusHandler(dav.dav, core.uploads, verifier, creation, login))
        core_preview = CorePreview(previews, core.tree, core.namespace, login)
        for prefix in PREVIEW_PREFIXES:
            router.add(prefix, core_preview)
        spool = partial(Spool, core.files, core.path(""))
        router.add(archiver.PREFIX, archiver.Archiver(core.tree, core.namespace, login, spool))
        if settings.signed_urls.enabled:
            signing = OcsSigning(core.signing.key, login)
            for prefix in SIGNING_PREFIXES:
                router.add(prefix, signing)
        links = PrivateLinks(core.tree, core.namespace, login)
        for prefix in LINK_PREFIXES:
            router.add(prefix, links)
        ocs = Late(partial(self._ocs, features, login))
        for prefix in OCS_PREFIXES:
            router.add(prefix, ocs)
        self._telling = Telling(core, login, reactor) if settings.events.enabled else None
        if self._telling is not None:
            self._telling.add(router)
        if core.buckets.secrets:
            small = settings.http.small_body_bytes
            router.add(
                BUCKET_EVENTS_PREFIX, BucketEventsHandler(core.buckets.secrets, core.buckets.tell, small, core.buckets.refused)
            )
        if settings.graph.enabled:
            router.add(GRAPH_PREFIX, Late(partial(self._graph, login, tagging)))
        if login_pages is not None:
            for prefix in LOGIN_PREFIXES:
                router.add(prefix, login_pages)
        app_passwords = OcsAppPasswords(core.app_passwords, login)
        for prefix in APP_PASSWORD_PREFIXES:
            router.add(prefix, app_passwords)
        for prefix, handler in pages.items():
            router.add(prefix, handler)
        front = add_website(router, core, features, login, sign_in, login_pages) or front
        self.site = ClawSite(router, settings.http, reactor, Metering(core.metrics), self._access, core.files)

        # for the operator
        checks = {"state": core.state.ping, "index": core.index_database.ping, "storages": core.ping}
        self.admin = Admin(core.metrics, checks, reactor)
        admin_router = Router()
        for prefix, handler in self.admin.handlers().items():
            admin_router.add(prefix, handler)
        self.admin_site = ClawSite(admin_router, settings.http, reactor)

        index = settings.index
        self._chores = [
            Chore(reactor, "clearing up", index.tidy_seconds, core.janitor.run),
            Chore(reactor, "clearing up trash and versions", index.tidy_seconds, core.keeper.run),
            Chore(reactor, "making room on a storage that is full", ROOM_SECONDS, core.keeper.answer),
            Chore(reactor, "learning", index.learn_seconds, core.opening.learn),
            Chore(reactor, "noting how fresh indexes are", NOTE_SECONDS, core.followers.note),
            Chore(reactor, "mending spaces that are being made or removed", MEND_SECONDS, core.making.mend),
            Chore(reactor, "noting generations", _pace(settings.outside.generation_seconds), core.generations.note),
        ]
        if self._telling is not None:
            self._chores += self._telling.chores
        if sign_in is not None:
            self._chores.append(Chore(reactor, "asking OpenID providers", OIDC_SECONDS, core.tokens.refresh))

    async def start(self) -> None:
        """Get everything ready to answer; the caller then listens. Raises `SettingsError`."""
        for name, mount in self.core.settings.mounts.items():
            if gives_away(mount) and not can_give_away():
                raise SettingsError(f"mounts.{name}.create_owner: homes cannot be given to people without CAP_CHOWN")
        await self.core.start()
        for database in (self.core.state, self.core.index_database):
            await database.claim()
        self.core.tokens.start()
        if self._gallery is not None:
            await self._gallery.start()
        for chore in self._chores:
            chore.start()

    def release(self) -> None:
        """Send away those who wait for changes, whose requests would never end."""
        if self._telling is not None:
            self._telling.release()

    async def stop(self) -> None:
        """Close everything; the caller has closed the ports and drained the sites."""
        for chore in self._chores:
            await chore.stop()
        if self._access is not None:
            await self._access.flush()
        if self._gallery is not None:
            await self._gallery.stop()
        await self.core.tokens.stop()
        await self.core.stop()

    async def _ocs(self, features: Features, login: Login) -> Handler:
        ocs = await self.core.files.run(_load_ocs)
        return KleinHandler(ocs(features, login, self._room).resource(), self.core.settings.http.small_body_bytes)

    async def _graph(self, login: Login, rules: TaggingRules) -> Handler:
        graph = await self.core.files.run(_load_graph)
        core = self.core
        spaces = Spaces(core.namespace, core.tree, core.made_spaces, core.cpu)
        tags = (await core.files.run(_load_tagging))(rules)
        resource = graph(spaces, core.making, tags, core.register, core.settings.graph, login).resource()
        return KleinHandler(resource, self.core.settings.http.small_body_bytes)

    async def _room(self, actor: Actor) -> Room:
        return await self.core.tree.room(await self.core.namespace.home(actor, ROOT))


def _pace(seconds: float) -> float:
    """The pause between looks whether something is due that is due so many seconds after the last time."""
    return max(0.05, min(1.0, seconds))


def _load_ocs() -> type[Ocs]:
    """Klein, of which it is made, takes a tenth of a start: it has time until somebody asks. To be called in a thread."""
    from ..protocols.ocs import Ocs

    return Ocs


def _is_indexed(settings: Settings) -> bool:
    """Whether there is a mount of which the index knows what is there and what happens."""
    return any(mount.driver != "eos" for mount in settings.mounts.values())


def _spaces(settings: Settings, most: int) -> capabilities.Spaces:
    return capabilities.Spaces(any(mount.kind == "project" for mount in settings.mounts.values()), most)


def _load_graph() -> type[Graph]:
    """The same."""
    from ..protocols.graph.graph import Graph

    return Graph


def _load_tagging() -> type[Tagging]:
    """The same."""
    from ..protocols.graph.tagging import Tagging

    return Tagging
