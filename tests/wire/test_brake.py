"""Guessing passwords over the wire, while those who know theirs go on working."""

from __future__ import annotations

import base64
import http.client
import socket
import time
from collections import Counter

from .gateway import USERS, Gateway

GUESSES = 10_000
PATH = "/remote.php/dav/files/alice/"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def ask(gateway: Gateway, source: str, password: str = USERS["alice"], user: str = "alice") -> tuple[int, int]:
    """Status and Retry-After (0: none) of one request from the address `source`."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=120, source_address=(source, 0))
    try:
        connection.request("PROPFIND", PATH, headers={"Authorization": basic(user, password), "Depth": "0"})
        response = connection.getresponse()
        response.read()
        return response.status, int(response.headers.get("Retry-After", 0))
    finally:
        connection.close()


def guess(gateway: Gateway, first: int, last: int) -> Counter[int]:
    """How often each status came for different wrong passwords, sent 50 at a time on one connection."""
    found: Counter[int] = Counter()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=120) as connection, connection.makefile("rb") as answers:
        for start in range(first, last, 50):
            stop = min(start + 50, last)
            lines = (f"Host: x\r\nDepth: 0\r\nAuthorization: {basic('alice', f'guess {i}')}" for i in range(start, stop))
            connection.sendall("".join(f"PROPFIND {PATH} HTTP/1.1\r\n{line}\r\n\r\n" for line in lines).encode())
            for _ in range(start, stop):
                status = int(answers.readline().split()[1])
                length = 0
                while (line := answers.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                answers.read(length)
                found[status] += 1
    return found


def test_ten_thousand_guesses_do_not_lock_anybody_else_out(stopped_gateway: Gateway) -> None:
    gateway = stopped_gateway
    gateway.configure(brake={"base_seconds": 0.02, "maximum_seconds": 0.1, "write_seconds": 0.1})
    gateway.start()
    assert ask(gateway, "127.0.0.3") == (207, 0)
    misses = gateway.metrics()['clawgate_cache_misses_total{cache="logins"}']

    start = time.monotonic()
    found = guess(gateway, 0, GUESSES // 2)
    assert ask(gateway, "127.0.0.2") == (207, 0), "the person at another address"
    assert ask(gateway, "127.0.0.3") == (207, 0), "a remembered client"
    found += guess(gateway, GUESSES // 2, GUESSES)
    assert time.monotonic() - start < 150, "each one waits"

    # Each 401 is a password that was verified.
    assert found == {401: 15, 429: GUESSES - 15}
    metrics = gateway.metrics()
    assert metrics["clawgate_refused_logins_total"] == GUESSES - 15
    assert metrics['clawgate_cache_misses_total{cache="logins"}'] - misses == GUESSES
    status, retry = ask(gateway, "127.0.0.1")
    assert status == 429 and 800 < retry <= 900, "the right password, but not known there"
    assert ask(gateway, "127.0.0.1", USERS["bob"], "bob")[0] in (403, 404), "somebody else there"
    assert gateway.log().count("is refused for now") == 1
    assert "guess " not in gateway.log()

    gateway.restart()
    assert ask(gateway, "127.0.0.1", "one more")[0] == 429
    assert ask(gateway, "127.0.0.4") == (207, 0), "verified anew, from where nobody has been"
    assert ask(gateway, "127.0.0.2") == (207, 0)
    assert ask(gateway, "127.0.0.3") == (207, 0)
