"""What a record of requests proves about uploads that were interrupted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from urllib.parse import urlsplit

from .messages import Exchange


def target(exchange: Exchange) -> str:
    """The resource that a request is about: for the creation of a TUS upload the one that it made."""
    return urlsplit(exchange.answers.get("location", "")).path or exchange.path


def begun(exchanges: Iterable[Exchange]) -> list[str]:
    """The uploads that were begun: what TUS's POST and chunking NG's MKCOL made."""
    made = (one for one in exchanges if one.status == 201)
    return [target(one) for one in made if one.method == "POST" or (one.method == "MKCOL" and "/uploads/" in one.path)]


def sent(exchanges: Iterable[Exchange]) -> int:
    """Bytes of content that were forwarded, in all requests together."""
    return sum(one.body for one in exchanges if one.method in ("PUT", "PATCH", "POST"))


def repeated(exchanges: Iterable[Exchange]) -> list[str]:
    """Requests that carried bytes which the gateway had told the client to have; there should be none.

    TUS: bytes before an `Upload-Offset` that was answered for the same upload before the request began. Chunks: the name of
    one that was answered with success.
    """
    by_target = defaultdict(list)
    for one in exchanges:
        by_target[target(one)].append(one)
    found = []
    for path, about in by_target.items():
        for one in about:
            before = [other for other in about if other.answered < one.began]
            if one.method == "PATCH" and one.body:
                known = max((int(other.answers.get("upload-offset", 0)) for other in before), default=0)
                if int(one.headers["upload-offset"]) < known:
                    found.append(f"{one} although {known} was acknowledged")
            elif one.method == "PUT" and any(other.method == "PUT" and 200 <= other.status < 300 for other in before):
                found.append(f"{one} although {path} was acknowledged")
    return found
