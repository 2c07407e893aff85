from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.errors import SettingsError
from clawgate.web import proxies
from clawgate.web.proxies import Origin, Proxies

TRUSTING = Proxies(["10.0.0.0/8", "::1", "unix"])


def origin(peer: str = "10.0.0.1", trusting: Proxies = TRUSTING, **headers: str) -> Origin:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return trusting.origin(peer, False, "h", fields.get)


def test_strangers_are_not_believed() -> None:
    for peer in ("192.0.2.1", "2001:db8::1", "garbage"):
        assert origin(peer, x_forwarded_for="1.2.3.4", x_forwarded_proto="https", forwarded="for=9.9.9.9") == Origin(
            peer, False, "h"
        )
    assert origin("10.0.0.1", Proxies([]), x_forwarded_for="1.2.3.4").client_ip == "10.0.0.1"


def test_x_forwarded() -> None:
    assert origin(x_forwarded_for="6.6.6.6, 1.2.3.4, 10.2.2.2") == Origin("1.2.3.4", False, "h")
    assert origin(x_forwarded_for="10.9.9.9, 10.2.2.2").client_ip == "10.9.9.9"
    assert origin(x_forwarded_for="1.2.3.4, evil, 10.2.2.2").client_ip == "10.2.2.2"
    assert origin(x_forwarded_for="1.2.3.4:4711").client_ip == "1.2.3.4"
    assert origin(x_forwarded_for="[2001:db8::2]:4711").client_ip == "2001:db8::2"
    assert origin(x_forwarded_for="2001:db8::2").client_ip == "2001:db8::2"
    assert origin(x_forwarded_proto="https", x_forwarded_host="cloud.example.org") == Origin(
        "10.0.0.1", True, "cloud.example.org"
    )
    assert origin(x_forwarded_host="a b<script>").host == "h"
    assert origin(x_forwarded_host="x", x_forwarded_port="8443", x_forwarded_proto="https").host == "x:8443"
    assert origin(x_forwarded_host="x", x_forwarded_port="443", x_forwarded_proto="https").host == "x"
    assert origin("unix", x_forwarded_for="1.2.3.4").client_ip == "1.2.3.4"
    assert origin("::ffff:10.0.0.1", x_forwarded_for="1.2.3.4").client_ip == "1.2.3.4"


def test_forwarded() -> None:
    assert origin(forwarded='for="[2001:db8::3]:99";proto=https;host="c.example:444"') == Origin(
        "2001:db8::3", True, "c.example:444"
    )
    assert origin(forwarded="for=6.6.6.6, for=1.2.3.4;proto=https, for=10.3.3.3;proto=http").client_ip == "1.2.3.4"
    assert origin(forwarded="for=unknown").client_ip == "10.0.0.1"
    assert origin(forwarded="for=1.2.3.4", x_forwarded_for="5.5.5.5").client_ip == "1.2.3.4"
    assert proxies.parse_forwarded('for="a\\"b" ; By=c') == ({"for": 'a"b', "by": "c"},)
    assert proxies.parse_forwarded("for=a b") == ()


@given(st.text(max_size=60), st.text(max_size=60))
def test_garbage(one: str, two: str) -> None:
    found = origin(forwarded=one)
    assert found.client_ip
    found = origin(x_forwarded_for=one, x_forwarded_host=two, x_forwarded_port=one, x_forwarded_proto=two)
    assert "/" not in found.host
    proxies.parse_forwarded(one)


def test_settings() -> None:
    with pytest.raises(SettingsError, match="trusted_proxies"):
        Proxies(["10.0.0.0/99"])
