"""What operators are told of people who work as themselves."""

from __future__ import annotations

import io
import os

import pytest

from clawgate import acting_checks, cli, data
from clawgate.errors import SettingsError
from clawgate.identity import users_file
from clawgate.identity.passwords import hash_password
from clawgate.model.people import User
from clawgate.settings import Mount
from clawgate.storage.posix import persona


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    for name in os.environ:
        if name.startswith("CLAWGATE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CLAWGATE_HTTP__LISTEN", f"unix:{tmp_path}/s1")
    monkeypatch.setenv("CLAWGATE_ADMIN__LISTEN", f"unix:{tmp_path}/s2")

    def call(*arguments: str, stdin: str = "secret\n") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = cli.main(["--data", str(tmp_path / "data"), *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def people(tmp_path):
    path = str(tmp_path / "data" / "users.toml")
    return users_file.parse(data.read_users(path), path)


def test_numbers_of_people_in_the_file(run, tmp_path):
    assert run("user", "add", "ann", "--uid", "3001", "--gid", "3100")[0] == 0
    assert (people(tmp_path)["ann"].user.uid, people(tmp_path)["ann"].user.gid) == (3001, 3100)
    assert run("user", "passwd", "ann")[0] == 0
    assert people(tmp_path)["ann"].user == User("ann", uid=3001, gid=3100)
    for option, number in (("--uid", "0"), ("--gid", "-1"), ("--uid", "4294967295")):
        code, _, err = run("user", "add", "bob", option, number)
        assert (code, f"{option}: expected a number from 1" in err) == (1, True)
    assert list(people(tmp_path)) == ["ann"]


@pytest.mark.parametrize("line", ["uid = 0", "gid = -1", "uid = true", 'uid = "3001"', "uid = 1.5", "gid = 4294967294"])
def test_numbers_that_are_none(line):
    text = f'[users.ann]\npassword = "{hash_password("x")}"\n{line}\n'
    with pytest.raises(SettingsError, match=r"users\.\"ann\": [ug]id: expected a number"):
        users_file.parse(text, "users.toml")


def test_as_whom_somebody_works(run, tmp_path):
    (tmp_path / "settings.toml").write_text('[mounts.home]\nact_as = "user"\n[mounts.other]\nkind = "project"\nroot = "x"\n')
    run("user", "add", "ann", "--uid", "3001", "--gid", "3100")
    run("user", "add", "low", "--uid", "30", "--gid", "3100")
    config = ("--config", str(tmp_path / "settings.toml"))
    out = run(*config, "explain", "ann")[1]
    assert out.count("works as") == 1
    assert "  works as  uid 3001, gid 3100, further groups none\n" in out
    assert "  works as  nobody: low has the uid 30, which is not taken on here" in run(*config, "explain", "low")[1]
    _, out, _ = run(*config, "check")
    assert "mounts.home: low cannot work here: low has the uid 30" in out
    assert "mounts.home: 1 of 2 people in the file of users can work as themselves" in out


def look(mount, roots, **patch):
    return [(seen.level, seen.text, seen.remedy) for seen in acting_checks.inspect("x", mount, [], roots)]


def test_what_is_missing(monkeypatch):
    monkeypatch.setattr(persona, "missing", lambda: ["CAP_SETUID"])
    [(level, text, remedy)] = look(Mount(act_as="user"), [])
    assert (level, "mounts.x.act_as" in text, "CAP_SETUID" in text) == ("FAIL", True, True)
    assert "docs/acting-as-user.md" in remedy


def test_the_place_for_what_is_not_finished(tmp_path, monkeypatch):
    mount = Mount(act_as="user", kind="project", root=str(tmp_path))
    staging = tmp_path / ".clawgate"
    [(level, text, _)] = look(mount, [str(tmp_path)])
    assert (level, text) == ("ok", f"mounts.x: {staging} is made when the space is first used")
    staging.mkdir()
    # As somebody who is not root.
    monkeypatch.setattr(os, "geteuid", lambda: 3900)
    remedy = f"install -d -m 1733 -o 3900 {staging}"
    for owner, mode, expected in (
        (3900, 0o700, "ok"),
        (0, 0o1733, "warn"),
        (0, 0o733, "FAIL"),
        (3001, 0o1733, "FAIL"),
        (0, 0o1711, "FAIL"),
    ):
        os.chown(staging, owner, 0)
        staging.chmod(mode)
        [(level, _, said)] = look(mount, [str(tmp_path)])
        assert (level, said) == (expected, "" if expected == "ok" else remedy), (owner, mode)
    assert look(Mount(act_as="user", kind="project", root=str(tmp_path), read_only=True), [str(tmp_path)]) == []
