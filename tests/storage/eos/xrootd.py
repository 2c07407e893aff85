"""Debian's XRootD as a real server of bytes over HTTP: one that has the data, and one that redirects to it.

XRootD binds every interface; here it gets sockets that listen on loopback already, the way systemd hands them over. It refuses to
run as root, so that as root it runs as nobody, with a folder that nobody may reach.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs

_PATIENCE = 120.0


@attrs.frozen
class Xrootd:
    url: str
    """Of the data server."""
    redirector: str
    """Of the one that redirects everything to the data server: 307 for PUT, 302 for GET, paths in `Location` decoded."""
    data: Path
    """What the data server serves as `/`."""


@contextmanager
def xrootd() -> Iterator[Xrootd]:
    """Both servers; the data is empty at first."""
    folder = Path(tempfile.mkdtemp(prefix="xrootd-"))
    data = folder / "data"
    data.mkdir()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if os.getuid() == 0:
            for path in (folder, data):
                shutil.chown(path, "nobody")
        host = stack.enter_context(_running(folder, "data", data))
        redirector = stack.enter_context(_running(folder, "redirector", data, f"xrootd.redirect {host} /"))
        yield Xrootd(f"http://{host}", f"http://{redirector}", data)


def _listening() -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", 0))
    found.listen(50)
    return found


@contextmanager
def _running(folder: Path, name: str, data: Path, *lines: str) -> Iterator[str]:
    """A server as a process; gives `host:port` of its HTTP."""
    with _listening() as xroot, _listening() as http:
        port = http.getsockname()[1]
        conf = folder / f"{name}.cfg"
        conf.write_text(
            "\n".join(
                [
                    "all.export /",
                    f"all.adminpath {folder}",
                    f"all.pidpath {folder}",
                    f"oss.localroot {data}",
                    f"xrd.port {xroot.getsockname()[1]}",
                    f"xrd.protocol XrdHttp:{port} libXrdHttp.so",
                    *lines,
                    "",
                ]
            )
        )
        hand_over = f"exec 3<&{xroot.fileno()} 4<&{http.fileno()}; export LISTEN_PID=$$ LISTEN_FDS=2; "
        process = subprocess.Popen(
            ["bash", "-c", f'{hand_over} exec xrootd -I v4 -n {name} -c "$1" -l "$2"', "bash", str(conf), str(folder / "log")],
            pass_fds=(xroot.fileno(), http.fileno()),
            user="nobody" if os.getuid() == 0 else None,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    try:
        _wait(port, process, folder)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    """The socket listens from the start: the first answer comes when the server is ready, none if it ended."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as probe:
            probe.sendall(b"OPTIONS / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if probe.recv(12).startswith(b"HTTP/1.1"):
                return
    except OSError:
        pass
    logs = "".join(path.read_text(errors="replace")[-2000:] for path in folder.rglob("log") if path.is_file())
    raise AssertionError(f"XRootD did not start (exit status {process.poll()}):\n{logs}")
