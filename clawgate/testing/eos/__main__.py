"""The double as a process: prints one line of JSON with its addresses, then runs until it is told to end."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from .admin import Admin
from .double import EosDouble


def parser() -> argparse.ArgumentParser:
    """The options."""
    about = "A double of EOS (MGM and FST) on loopback, for tests."
    found = argparse.ArgumentParser("python -m clawgate.testing.eos", description=about)
    found.add_argument("--version", default="5.3.21", help="the EOS it behaves like: 5.1.30, 5.3.21, 5.4.11, 5.5.0")
    found.add_argument("--data", required=True, metavar="DIR", help="where bytes of files go")
    for name in ("mgm", "mhd", "fst", "fst-mhd", "admin"):
        found.add_argument(f"--{name}", type=int, default=0, metavar="PORT", help="any free port if not given")
    found.add_argument("--key", default="gateway-key", help="the gateway's key")
    found.add_argument("--grpc-key", default="", help="have a gRPC port, too, with this key")
    found.add_argument("--propagation", type=float, default=5.0, metavar="SECONDS", help="until etags above a change follow")
    found.add_argument("--user", action="append", default=[], metavar="NAME:UID", help="one more account")
    found.add_argument("--home", action="append", default=[], metavar="NAME", help="make the home of this account")
    found.add_argument("--flag", action="append", default=[], metavar="NAME=JSON", help="a field of the version's profile")
    return found


async def main(reactor: Any, *arguments: str) -> None:
    """Run until the reactor is stopped."""
    options = vars(parser().parse_args(arguments))
    flags = {name: json.loads(value) for name, _, value in (text.partition("=") for text in options["flag"])}
    ports = {name: options[name.replace("-", "_")] for name in ("mgm", "mhd", "fst", "fst-mhd")}
    double = EosDouble(
        options["data"], version=options["version"], key=options["key"], propagation=options["propagation"], reactor=reactor,
        ports=ports, **flags,
    )  # fmt: skip
    for text in options["user"]:
        name, _, uid = text.partition(":")
        double.add_user(name, int(uid))
    for name in options["home"]:
        double.make_home(name)
    admin = Admin(double)
    await double.start()
    admin.listen(reactor, options["admin"])
    extra = {}
    if options["grpc_key"]:
        from .grpc_server import GrpcPort

        port = GrpcPort(double, key=options["grpc_key"])
        port.start()
        reactor.addSystemEventTrigger("before", "shutdown", port.stop)
        extra["grpc"] = port.url
    addresses = {**extra, "mgm": double.mgm_url, "mhd": double.mhd_url, "fst": sorted(double.fst_hosts), "admin": admin.url}
    print(json.dumps({**addresses, "key": double.key}), flush=True)
    await Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:])
