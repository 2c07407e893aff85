from __future__ import annotations

from clawgate import errors
from clawgate.web import failures


def all_errors(kind: type = errors.ClawgateError) -> list[type]:
    return [found for child in kind.__subclasses__() for found in [child, *all_errors(child)]]


def test_every_failure_of_the_domain_has_a_status() -> None:
    for kind in all_errors():
        if kind.__module__ == "clawgate.errors":
            assert kind in failures._STATUS, kind
    assert failures.status_of(ZeroDivisionError()) == 500
    assert failures.status_of(errors.StorageTimeout("x")) == 504

    class Special(errors.Locked):
        pass

    assert failures.status_of(Special("x")) == 423


def test_headers() -> None:
    assert failures.headers_of(errors.Overloaded("x", 7)) == [(b"Retry-After", b"7")]
    assert failures.headers_of(errors.TooManyAttempts("x", 8)) == [(b"Retry-After", b"8")]
    assert failures.headers_of(errors.RangeNotSatisfiable(5)) == [(b"Content-Range", b"bytes */5")]
    assert failures.headers_of(errors.NotFound("x")) == []


def test_plain_answers_hide_what_is_unknown() -> None:
    hidden = failures.plain(KeyError("secret"), "id-1")
    assert hidden.status == 500
    assert isinstance(hidden.body, bytes)
    assert b"secret" not in hidden.body
    assert b"id-1" in hidden.body
    assert failures.plain(errors.NotFound("no such file"), "id").body == b"no such file\n"
