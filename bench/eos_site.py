"""What `eos.py` measures: an EOS (the double, or Apache as its disk server), a relay, and the gateway."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import processes
from peers import APACHE_DIRECTORY, USER, Apache, Clawgate

HERE = Path(__file__).parent
HOME = f"/eos/user/{USER[0]}/{USER}"


def curl(arguments: list[str]) -> str:
    done = subprocess.run(["curl", "-sS", "--fail", "--globoff", *arguments], check=True, capture_output=True, text=True)
    return done.stdout


class Program:
    """A process that says something in its first line."""

    def __init__(self, name: str, *arguments: str) -> None:
        self.process = subprocess.Popen([sys.executable, str(HERE / name), *arguments], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.said: Any = json.loads(self.process.stdout.readline())

    def cpu(self) -> float:
        return processes.cpu([self.process.pid])

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class Double(Program):
    """Manager and disk server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.elsewhere = folder.with_name("disk-server")
        """Tells the manager of another disk server."""
        data = ["--version", "5.4", "--data", str(folder), "--user", f"{USER}:1500", "--home", USER]
        super().__init__("eos_double.py", str(self.elsewhere), *data)

    def handshake(self, name: str, *more: str) -> str:
        """Where the manager sends curl for `name`."""
        identity = {"x-forwarded-for": "dummy", "x-gateway-authorization": self.said["key"], "remote-user": USER}
        headers = [part for field, value in identity.items() for part in ("-H", f"{field}: {value}")]
        said = curl(["-D", "-", "-o", "/dev/null", *headers, *more, f"{self.said['mgm'].rstrip('/')}{HOME}/{name}"])
        location = re.search(r"(?im)^location: *(\S+)", said)
        assert location is not None, said
        return location[1]


class DiskServer(Apache):
    """Apache with the content that the double has, and with what the double's disk server says of it."""

    def prepare(self) -> None:
        """When it takes over, there is something to say."""

    def take_over(self, double: Double, names: list[str], rate: int = 0) -> None:
        """From now on the manager sends people here, for `names` that all have the same content. It sends `rate` MiB a second; 0:
        all that it can."""
        modules = "mpm_event authz_core alias headers mime env ratelimit"
        lines = [f"LoadModule {name}_module {APACHE_DIRECTORY}/mod_{name}.so" for name in modules.split()]
        lines += [
            f"ServerRoot {self.work}",
            "ServerName 127.0.0.1",
            f"Listen 127.0.0.1:{self.port}",
            f"PidFile {self.work}/apache.pid",
            f"ErrorLog {self.work}/error.log",
            "TypesConfig /etc/mime.types",
            f"DefaultRuntimeDir {self.work}",
            "EnableSendfile On",
            f"<Directory {double.folder}>",
            "  Require all granted",
            "</Directory>",
        ]
        for name in names:
            said = curl(["-D", "-", "-o", "/dev/null", "-r", "0-0", double.handshake(name)])
            fields = {key.lower(): value for key, value in re.findall(r"(?im)^(etag|oc-checksum): *(.+?)\r?$", said)}
            size = int(re.findall(r"(?im)^content-range: bytes 0-0/(\d+)", said)[0])
            found = next(one for one in double.folder.iterdir() if one.stat().st_size == size)
            etag = fields["etag"].replace('"', '\\"')
            lines += [
                f"Alias {HOME}/{name} {found}",
                f"<Location {HOME}/{name}>",
                f'  Header set ETag "{etag}"',
                f'  Header set OC-Checksum "{fields["oc-checksum"]}"',
                *((f"  SetEnv rate-limit {rate << 10}", "  SetOutputFilter RATE_LIMIT") if rate else ()),
                "</Location>",
            ]
        if os.geteuid() == 0:
            lines += ["User www-data", "Group www-data"]
            for folder in (self.work, double.folder, *double.folder.parents[:1]):
                folder.chmod(0o755)
            shutil.chown(self.work, "www-data", "www-data")
        (self.work / "apache.conf").write_text("\n".join(lines) + "\n")
        self.start()
        double.elsewhere.write_text(f"127.0.0.1:{self.port}")


class Gateway(Clawgate):
    """The gateway with homes on EOS."""

    double: Double
    disk_server: DiskServer
    receive_bytes = ""

    def prepare(self) -> None:
        super().prepare()
        path, at = self.work / "clawgate.toml", self.double.said
        text = path.read_text()
        path.write_text(
            text[: text.index("[mounts.home]")]
            + f"""[mounts.home]
driver = "eos"
root = "/eos/user/{{user.id[0]}}/{{user.id}}"
[mounts.home.eos]
urls = ["{at["mgm"]}"]
key = "{at["key"]}"
redirect_hosts = {json.dumps([*at["fst"], f"127.0.0.1:{self.disk_server.port}"])}
{self.receive_bytes and f"receive_bytes = {self.receive_bytes}"}
"""
        )
