"""OpenLDAP's server, as a process of the test."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from ...ports import free_port
from .people import BASE, GATEWAY, ldif

CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload ppolicy
TLSCACertificateFile {authority}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
threads 4
sizelimit 60
idletimeout {idle}
{more}
access to attrs=userPassword by anonymous auth by * none
access to dn.exact="" by * read
access to * by dn.exact="{gateway}" read by users read by * none
database mdb
suffix "{base}"
rootdn "cn=root,{base}"
directory {data}
maxsize 8388608
dbnosync
index objectClass eq
index uid,cn,mail eq,sub
index member,memberUid eq
overlay ppolicy
ppolicy_use_lockout
"""
PROGRAM = "/usr/sbin/slapd"
_BIND = re.compile(r'op=\d+ BIND dn="([^"]*)" method=128')


class Slapd:
    """Speaks ldap (with StartTLS) and ldaps on two ports that stay the same over restarts."""

    def __init__(self, folder: Path, authority: Path, certificate: tuple[Path, Path], idle: int = 0, more: str = "") -> None:
        assert Path(PROGRAM).exists() or shutil.which("slapd"), "slapd is missing: install the Debian packages of the Makefile"
        self._folder = folder
        data = folder / "data"
        data.mkdir(parents=True)
        self._configuration = folder / "slapd.conf"
        values = {"authority": authority, "certificate": certificate[0], "key": certificate[1], "data": data}
        text = CONFIGURATION.format(**values, base=BASE, gateway=GATEWAY, idle=idle, more=more)
        self._configuration.write_text(text)
        (folder / "people.ldif").write_text(ldif())
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._plain, self._secure = free_port(), free_port()
        self.url = f"ldap://127.0.0.1:{self._plain}"
        self.secure_url = f"ldaps://127.0.0.1:{self._secure}"
        self._run("-T", "add", "-q", "-l", str(folder / "people.ldif"))

    def start(self) -> Slapd:
        with self._log.open("ab") as log:
            command = [PROGRAM, "-f", str(self._configuration), "-d", "stats", "-h", f"{self.url} {self.secure_url}"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + 60
        while True:
            assert self._process.poll() is None, self._log.read_text()
            try:
                socket.create_connection(("127.0.0.1", self._secure), 1).close()
                return self
            except ConnectionRefusedError:
                assert time.monotonic() < until, self._log.read_text()
                time.sleep(0.01)

    def stop(self) -> None:
        """As if it were killed."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def binds(self) -> list[str]:
        """The names of all binds so far."""
        return _BIND.findall(self._log.read_text(errors="replace"))

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def _run(self, *arguments: str) -> None:
        done = subprocess.run([PROGRAM, *arguments, "-f", str(self._configuration)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
