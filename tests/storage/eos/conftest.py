"""An EOS for each test, played by the double, and the driver on it. Nothing may have happened that would harm a real one."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.logger import eventAsText, globalLogPublisher

from clawgate.storage.eos.accounts import Accounts
from clawgate.storage.eos.driver import EosStorage
from clawgate.storage.eos.http_metadata import HttpMetadata
from clawgate.storage.eos.instance import Instance
from clawgate.storage.eos.options import EosOptions
from clawgate.testing.eos import EosDouble
from clawgate.workers import Workers

VERSIONS = ["5.1", "5.3", "5.4"]
HEADERS = {
    *("host", "connection", "content-length", "transfer-encoding", "range", "destination", "overwrite", "depth", "if-match"),
    *("remote-user", "x-forwarded-for", "x-gateway-authorization", "x-real-ip"),
    *("oc-total-length", "x-oc-mtime", "oc-checksum"),
    *("x-upload-range", "x-upload-totalsize", "x-upload-done", "x-upload-mtime"),
}
"""All that the driver ever sends."""
QUERY = {
    *("mgm.cmd", "mgm.subcmd", "mgm.option", "mgm.format", "mgm.path", "eos.encodepath", "mgm.file.source", "mgm.file.target"),
    *(
        "mgm.quota.space",
        "mgm.quota.format",
        "mgm.grab.version",
        "mgm.purge.version",
        "mgm.attr.key",
        "mgm.attr.value",
        "mgm.cmd.proto",
        "encURI",
    ),
}


class Mounted:
    """The driver on a double."""

    def __init__(self, double: EosDouble, through: str = "mgm", **options: object) -> None:
        self.double = double
        self.workers = Workers(reactor, "eos", 2, 100)
        self.workers.start()
        self.root = double.make_home("alice")
        proc = {} if double.profile.gateway_query else {"proc_urls": (double.mhd_url,)}
        known = {
            "urls": tuple(one.url for one in double.mgms) if through == "mgm" else (double.mhd_url,),
            "key": double.key,
            "redirect_hosts": tuple(double.fst_hosts),
            **proc,
        }
        self.instance = Instance(reactor, EosOptions(**{**known, **options}), self.workers)
        self.metadata = HttpMetadata(self.instance)
        self.accounts = Accounts(self.metadata, lambda uid: uid >= 1000 and uid != 65534, 300, reactor.seconds)

    async def open(self, user: str = "alice", root: str = "") -> EosStorage:
        persona = await self.accounts.persona(user)
        place = root or self.root
        bin = await self.metadata.recycle_bin(persona.name, place)
        return EosStorage(self.instance, self.metadata, persona, place, bin=bin)

    async def close(self) -> None:
        await self.instance.close()
        self.workers.stop()


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest_twisted.async_yield_fixture
async def mounting(tmp_path, version):
    """Makes what is mounted; flags of the double's profile first, options of ours as `options`."""
    made = []

    async def make(options=None, through="mgm", **flags):
        double = EosDouble(tmp_path / f"eos{len(made)}", version=version, **flags)
        await double.start()
        made.append(mounted := Mounted(double, through, **(options or {})))
        return mounted

    said: list[str] = []

    def listen(event):
        said.append(eventAsText(event))

    globalLogPublisher.addObserver(listen)
    yield make
    globalLogPublisher.removeObserver(listen)
    for mounted in made:
        await mounted.close()
        await mounted.double.stop()
        mounted.double.record.check(headers=HEADERS, query=QUERY)
        text = "\n".join(said)
        assert not mounted.double.record.leaked(text)
        assert mounted.double.key not in text


@pytest_twisted.async_yield_fixture
async def mounted(mounting):
    yield await mounting()


@pytest_twisted.async_yield_fixture
async def eos(mounted):
    """The driver, as alice in her home."""
    yield await mounted.open()
