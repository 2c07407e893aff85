"""cadaver: a session as a person types it."""

from __future__ import annotations

from pathlib import Path

from .gateway import USERS, Gateway
from .programs import run


def session(gateway: Gateway, home: Path, *lines: str) -> str:
    home.mkdir(exist_ok=True)
    netrc = home / ".netrc"
    netrc.write_text(f'machine 127.0.0.1\nlogin alice\npassword "{USERS["alice"]}"\n')
    netrc.chmod(0o600)
    return run(["cadaver", gateway.url("/remote.php/webdav/")], home, text="\n".join([*lines, "quit", ""]))


def test_a_session(gateway: Gateway, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "letter.txt").write_bytes(b"Dear reader\n" * 500)
    said = session(
        gateway,
        home,
        "mkcol folder",
        "cd folder",
        "put letter.txt",
        "copy letter.txt second.txt",
        "move second.txt third.txt",
        "lock third.txt",
        "propset third.txt colour green",
        "propget third.txt colour",
        "unlock third.txt",
        "ls",
        "get third.txt fetched.txt",
        "delete letter.txt",
        "cd ..",
        "copy folder/ twin/",
        "rmcol folder",
        "ls",
    )
    for word in ("failed", "Failed", "Not Found", "denied"):
        assert word not in said, said
    assert "Value of colour is: green" in said, said
    assert (gateway.disk() / "twin").is_dir(), said
    assert (home / "fetched.txt").read_bytes() == (home / "letter.txt").read_bytes()
    assert sorted(path.name for path in (gateway.disk() / "twin").iterdir()) == ["third.txt"]
    assert not (gateway.disk() / "folder").exists()
    assert (gateway.disk() / "twin/third.txt").read_bytes() == b"Dear reader\n" * 500
