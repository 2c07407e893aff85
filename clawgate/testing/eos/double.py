"""The whole double: an EOS with its ports, its record and its faults."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

from twisted.internet import reactor as default_reactor

from .faults import Fault, Faults
from .fst import Fst
from .mgm import Mgm
from .profile import profile_of
from .propagation import Propagation
from .record import Record
from .world import World


class EosDouble(World):
    """MGM and FST on loopback. The namespace is in memory and ends with the process; bytes are files below `data`.

    `version` and `flags` are for `profile.profile_of`. `propagation` and `accounting` are the seconds until the etags and the
    sizes of directories above a change follow; 0 is at once. `clock` gives times and delays (a reactor, or a `task.Clock`);
    `reactor` has the sockets; with `tls` (a `CertificateOptions`) the XrdHttp ports speak TLS. `ports` are the wanted numbers
    by name ("mgm", "mhd", "fst", "fst-mhd").
    """

    def __init__(
        self, data: Path | str, *, version: str = "5.3.21", key: str = "gateway-key", propagation: float = 5.0,
        accounting: float = 0.5, mgms: int = 1, clock: Any = None, reactor: Any = None, tls: Any = None,
        ports: dict[str, int] | None = None, **flags: Any,
    ) -> None:  # fmt: skip
        self._reactor: Any = reactor if reactor is not None else default_reactor
        clock = clock if clock is not None else self._reactor
        super().__init__(Path(data), profile_of(version, **flags), key, Propagation(clock, propagation, accounting), clock)
        self.record = Record()
        self.faults = Faults()
        self._ports = ports or {}
        self.fst = self._fst("fst", mhd=False)
        self.fst_mhd = self._fst("fst-mhd", mhd=True)
        self.mgms = [self._mgm("mgm", mhd=False) for _ in range(mgms)]
        self.mhd = self._mgm("mhd", mhd=True)
        for port in (*self.mgms, *((self.fst,) if self.profile.redirect_to_https else ())):
            port.tls = tls

    def _fst(self, name: str, *, mhd: bool) -> Fst:
        return Fst(name, self.namespace, self.openings, self.record, self.faults, mhd=mhd)

    def _mgm(self, name: str, *, mhd: bool) -> Mgm:
        data = self.fst_mhd if self.profile.data_port == "mhd" else self.fst
        return Mgm(name, self.namespace, self.openings, self.record, self.faults, mhd=mhd, data_host=lambda: data.host)

    # Running.

    async def start(self) -> None:
        """Listen; on the ports of before after a `stop`."""
        for port in self._all():
            port.listen(self._reactor, self._ports.get(port.name, 0) if port not in self.mgms[1:] else 0)

    async def stop(self) -> None:
        """Stop listening and cut all connections."""
        for port in self._all():
            await port.stop()
        self.propagation.stop()

    def _all(self) -> list[Mgm | Fst]:
        return [*self.mgms, self.mhd, self.fst, self.fst_mhd]

    async def __aenter__(self) -> EosDouble:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def restart(self) -> None:
        """EOS was killed and is there again: connections are cut, open uploads lost, capabilities void; the namespace stays."""
        self.settle()
        await self.stop()
        self.openings.opened.clear()
        await self.start()

    async def kill_mgm(self, which: int = 0) -> None:
        """An MGM is dead: nothing listens on its XrdHttp port."""
        await self.mgms[which].stop()

    async def start_mgm(self, which: int = 0) -> None:
        """It is there again, on the same port."""
        self.mgms[which].listen(self._reactor)

    async def kill_fst(self) -> None:
        """The FST is dead: nothing listens, transfers are cut."""
        await self.fst.stop()
        await self.fst_mhd.stop()

    async def start_fst(self) -> None:
        """The FST is there again, on the same ports."""
        self.fst.listen(self._reactor)
        self.fst_mhd.listen(self._reactor)

    @property
    def mgm_url(self) -> str:
        """The XrdHttp port of the first MGM."""
        return self.mgms[0].url

    @property
    def mhd_url(self) -> str:
        """The MGM's libmicrohttpd port."""
        return self.mhd.url

    @property
    def fst_hosts(self) -> set[str]:
        """Where redirects may lead."""
        return {self.fst.host, self.fst_mhd.host}

    @property
    def booting(self) -> bool:
        """While it boots the MGM answers nothing."""
        return self.mgms[0].booting

    @booting.setter
    def booting(self, value: bool) -> None:
        for port in (*self.mgms, self.mhd):
            port.booting = value

    @property
    def stopping(self) -> bool:
        """Whether the MGM says that it is shutting down."""
        return self.mgms[0].stopping

    @stopping.setter
    def stopping(self, value: bool) -> None:
        for port in (*self.mgms, self.mhd):
            port.stopping = value

    @property
    def skew(self) -> float:
        """Seconds that the clocks of all servers are ahead in their `Date`."""
        return self.mgms[0].skew

    @skew.setter
    def skew(self, value: float) -> None:
        for port in self._all():
            port.skew = value

    def fault(self, **values: Any) -> Fault:
        """Short for `faults.add(Fault(...))`."""
        return self.faults.add(Fault(**values))
