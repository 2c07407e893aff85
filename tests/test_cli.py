from __future__ import annotations

import contextlib
import io
import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from clawgate import cli, data
from clawgate.configuration import load, sample
from clawgate.identity import users_file
from clawgate.identity.passwords import matches

from .wire import launch

COMMAND = str(Path(sys.executable).with_name("clawgate"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in os.environ:
        if name.startswith("CLAWGATE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CLAWGATE_HTTP__LISTEN", f"unix:{tmp_path}/s1")
    monkeypatch.setenv("CLAWGATE_ADMIN__LISTEN", f"unix:{tmp_path}/s2")
    return tmp_path / "data"


@pytest.fixture
def run(folder, monkeypatch, capsys):
    def call(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = cli.main(["--data", str(folder), *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def accounts(folder: Path) -> dict[str, users_file.Account]:
    path = str(folder / "users.toml")
    return users_file.parse(data.read_users(path), path)


def test_users_come_and_go(run, folder):
    code, out, _ = run(
        "user", "add", "alice", "--name", "Alice", "--group", "a", "--group", "b", "--quota", "1 KiB", stdin="one\n"
    )
    assert (code, out) == (0, f"alice was added to {folder}/users.toml\n")
    alice = accounts(folder)["alice"]
    assert (alice.user.name, alice.user.groups, alice.user.quota) == ("Alice", frozenset("ab"), 1024)
    assert matches(alice.password, "one")

    assert run("user", "passwd", "alice", stdin="two\n")[0] == 0
    assert accounts(folder)["alice"].user == alice.user
    assert matches(accounts(folder)["alice"].password, "two")

    assert run("user", "list")[1] == "alice\tAlice\t\ta,b\t1024 bytes\n"
    assert run("user", "remove", "alice")[0] == 0
    assert accounts(folder) == {}


@pytest.mark.parametrize(
    ("arguments", "stdin", "expected"),
    [
        (("user", "add", "a/b"), "x\n", "a name must not contain '/'"),
        (("user", "add", "a:b"), "x\n", "without control characters, colons"),
        (("user", "add", "a"), "\n", "an empty password is not possible"),
        (("user", "add", "a", "--quota", "much"), "x\n", "--quota: 'much' is not a size"),
        (("user", "passwd", "eve"), "x\n", "eve is not in"),
        (("user", "remove", "eve"), "", "eve is not in"),
        (("--config", "/nowhere", "user", "list"), "", "/nowhere: cannot be read: No such file"),
    ],
)
def test_what_is_refused(run, folder, arguments, stdin, expected):
    code, out, err = run(*arguments, stdin=stdin)

    assert (code, out) == (1, "")
    assert err.startswith("clawgate: ")
    assert expected in err
    assert not (folder / "users.toml").exists()


def test_users_are_not_added_twice(run, folder):
    run("user", "add", "alice", stdin="one\n")
    assert run("user", "add", "alice", stdin="two\n")[0] == 1
    assert matches(accounts(folder)["alice"].password, "one")


def test_settings_are_printed(run):
    assert run("settings")[1] == sample()


def test_options_stand_before_or_after_the_command(folder, capsys):
    other = str(folder) + "2"
    assert cli.main(["user", "list", "--data", other]) == 0
    assert cli.main(["explain", "alice", "--data", other]) == 1
    assert capsys.readouterr().err == f"clawgate: alice is not in {other}/users.toml\n"


def test_check_of_a_good_set_up(run, folder):
    run("user", "add", "alice", stdin="x\n")
    os.makedirs(folder / "files" / "alice")
    code, out, _ = run("check")

    assert (code, out.splitlines()[-1]) == (0, "ready to run")
    assert f"users: 1 in {folder}/users.toml" in out
    assert f"{folder}/files/alice is there" in out
    assert os.listdir(folder / "files" / "alice") == []


def test_check_before_the_first_start(run):
    code, out, _ = run("check")

    assert code == 0
    assert "the first start of the gateway makes it" in out
    assert "clawgate user add NAME" in out


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ('[mounts.lab]\nkind = "project"\nroot = "/nowhere/lab"', "mounts.lab: /nowhere/lab is no directory"),
        ('[mounts.home]\nroot = "/x/{uid}"', "mounts.home.root"),
        ('[mounts.home]\nroot = "/x/{user.uid}"', "mounts.home: the directory does not tell alice's uid"),
        ('[mounts.lab]\nkind = "project"\ngroups = "["\nroot = "/srv/{group}"', "mounts.lab.groups"),
        ('[mounts.lab]\nkind = "project"\nroot = "/srv/{group}"', "mounts.lab.root: {group} needs"),
        ('[mounts.lab]\nkind = "project"\nroot = "/srv/{user.id}"', "mounts.lab.root: a project has one directory"),
        ('[mounts.home]\ngroups = "x"', "mounts.home.groups: only a mount of kind 'project'"),
        ('[mounts.lab]\nkind = "project"\ngroups = "x"\nmembers = ["a"]', "mounts.lab.groups: the members of a group"),
        ('[mounts.home]\nroot = "/nowhere/{user.id}"', "/nowhere/alice cannot be made"),
        ('[mounts.home]\nroot = "/nowhere/{user.id}"\ncreate = false', "1 users have no directory, e.g. /nowhere/alice"),
        ('[mounts.home]\nroot = "/nowhere/{user.id}"', "mounts.home: /nowhere, where homes are, is no directory"),
        ('[mounts.home]\ncreate_owner = "user"', "mounts.home: no home can be made: nobody tells the uid of alice"),
        ('[mounts.home]\nskeleton = "/nowhere"', "mounts.home: the skeleton cannot be read: /nowhere: No such file"),
        ("mounts = {}", "there is no mount"),
        ('[state]\nurl = "sqlite:////nowhere/state.db"', "state: the database does not answer"),
        ('[state]\nurl = "nosql://u:hunter2@h/d"', "state: the database does not answer"),
        ('[users]\nfile = "/etc/hostname"', "users: /etc/hostname"),
    ],
)
def test_check_finds(run, folder, tmp_path, settings, expected):
    run("user", "add", "alice", stdin="x\n")
    file = tmp_path / "a.toml"
    file.write_text(settings)
    code, out, _ = run("check", "--config", str(file))

    assert code == 1
    assert expected in out
    assert "-> " in out
    assert "hunter2" not in out
    assert out.splitlines()[-1] == "some things would not work"


def test_check_finds_ports_in_use(run, folder, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        endpoint = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
        monkeypatch.setenv("CLAWGATE_HTTP__LISTEN", endpoint)
        code, out, _ = run("check")
    monkeypatch.setenv("CLAWGATE_HTTP__LISTEN", "nothing:1")
    other, text, _ = run("check")

    assert (code, other) == (1, 1)
    assert f"http.listen: {endpoint}: " in out
    assert "http.listen: nothing:1: is not a server endpoint" in text


@pytest.mark.parametrize(
    ("settings", "expected", "remedy"),
    [
        ('[http]\nlisten = ["tls:/nowhere:1"]', "http.listen: tls:/nowhere:1: /nowhere is no folder", "put a file NAME.pem"),
        ('[http]\nlisten = ["unix:/nowhere/http"]', "http.listen: unix:/nowhere/http: there is no folder /nowhere", "make it"),
        ('[http]\nlisten = ["nothing:1"]', "is not a server endpoint", "docs/running.md"),
        ("[http]\nlisten = []", "http.listen: names no address", "docs/running.md"),
        ('[index]\nurl = "sqlite:////nowhere/index.db"', "index: the database does not answer", "check the URL"),
        ('[state]\nurl = "postgres://u:hunter2@h/d"', "state: the database does not answer", "check the URL"),
        ('[mounts.home]\nroot = "/srv/{user.id"', "a '}' is missing", "docs/namespace.md"),
    ],
)
def test_check_says_what_to_do(run, tmp_path, monkeypatch, settings, expected, remedy):
    if "[http]" in settings:
        monkeypatch.delenv("CLAWGATE_HTTP__LISTEN")
    file = tmp_path / "a.toml"
    file.write_text(settings)
    code, out, _ = run("check", "--config", str(file))
    lines = out.splitlines()
    (at,) = [number for number, line in enumerate(lines) if expected in line]
    assert code == 1
    assert lines[at].startswith("FAIL")
    assert remedy in lines[at + 1]
    assert "delete" not in lines[at + 1]


@pytest.mark.parametrize("name", ["state", "index"])
def test_check_finds_databases_of_a_newer_version(run, folder, name):
    folder.mkdir(0o700)
    with contextlib.closing(sqlite3.connect(folder / f"{name}.db")) as database:
        database.execute(f"CREATE TABLE {name}_version (version_num TEXT)")
        database.execute(f"INSERT INTO {name}_version VALUES ('0001')")
        database.commit()
        before, out, _ = run("check")
        assert before == 0, out
        database.execute(f"UPDATE {name}_version SET version_num = '9999'")
        database.commit()
        code, out, _ = run("check")
    assert code == 1
    assert "was written by a newer version of clawgate (9999)" in out


def test_check_looks_at_projects_of_people_who_are_not_in_the_file(run, tmp_path):
    (tmp_path / "lab").mkdir()
    file = tmp_path / "a.toml"
    file.write_text(f'[mounts.lab]\nkind = "project"\nroot = "{tmp_path}/lab"\nmembers = ["@physics"]\n')
    code, out, _ = run("check", "--config", str(file))
    assert code == 0
    assert f"mounts.lab: {tmp_path}/lab is there" in out


def test_check_leaves_sockets_of_systemd_alone(run, monkeypatch):
    monkeypatch.setenv("CLAWGATE_HTTP__LISTEN", "systemd:domain=INET6:index=0")
    code, out, _ = run("check")
    assert code == 0
    assert "passed by systemd to its unit" in out


def test_check_finds_data_that_are_no_directory(run, tmp_path):
    (tmp_path / "file").write_text("")
    code, out, _ = run("check", "--data", str(tmp_path / "file"))
    assert code == 1
    assert f"FAIL data: {tmp_path}/file is no directory" in out


def test_check_warns_of_what_others_may_read(run, folder):
    run("user", "add", "alice", stdin="x\n")
    os.chmod(folder / "users.toml", 0o644)
    os.chmod(folder, 0o755)
    code, out, _ = run("check")

    assert code == 0
    assert f"chmod 600 {folder}/users.toml" in out
    assert f"chmod 700 {folder}" in out


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ('[users]\npasswords = "page"', ""),
        ('[users]\npasswords = "page"\n[login_flow]\nenabled = false', "on a login page that is switched off"),
        ('[users]\npasswords = "page"\n[app_passwords]\nself_made = false', "on a login page that is switched off"),
        ('[users]\npasswords = "never"', "nothing but app passwords made by you"),
    ],
)
def test_check_says_who_could_not_log_in(run, tmp_path, settings, expected):
    file = tmp_path / "a.toml"
    file.write_text(settings)
    code, out, _ = run("check", "--config", str(file))
    assert code == 0
    assert expected in out
    assert ("users.passwords" in out) is bool(expected)


def test_what_other_settings_would_change(run, folder, tmp_path):
    for name, group in (("alice", "physics"), ("bob", "arts")):
        run("user", "add", name, "--group", group, stdin="x\n")
    other = tmp_path / "new.toml"
    other.write_text(
        '[mounts.home]\nroot = "/new/{user.id}"\nquota = "1 KiB"\n'
        '[mounts.lab]\nkind = "project"\nroot = "/srv/lab"\nmembers = ["@physics"]\n'
    )
    code, out, _ = run("explain", "--against", str(other))
    assert code == 0
    assert out.splitlines() == [
        f"alice: the space home$alice moves from {folder}/files/alice to /new/alice",
        "alice: the space home$alice had the quota none and will have 1024 bytes",
        "alice: gets the space lab$lab at /srv/lab (read, write, create, delete, move)",
        f"bob: the space home$bob moves from {folder}/files/bob to /new/bob",
        "bob: the space home$bob had the quota none and will have 1024 bytes",
    ]
    assert len(run("explain", "--against", str(other), "bob")[1].splitlines()) == 2
    other.write_text("")
    assert run("explain", "--against", str(other))[1] == "nothing changes for 2 users\n"
    other.write_text('[users]\nfile = "nobody.toml"\n[oidc.site]\nissuer = "https://id.example.org"\n')
    assert run("explain", "--against", str(other))[1] == "alice: is not known any more\nbob: is not known any more\n"
    said = run("--config", str(other), "explain", "--against", str(other))[1]
    assert said == "nothing changes for 0 users\npeople of directories and providers were not looked at; name them one by one\n"
    assert run("explain")[0] == 1
    assert not (folder / "files").exists()


def test_explain(run, folder):
    run("user", "add", "alice", "--name", "Alice A", "--group", "lab", stdin="x\n")
    code, out, _ = run("explain", "alice", "/a//b.txt")

    assert code == 0
    assert "user alice (Alice A), groups: lab" in out
    assert "space home$alice" in out
    assert f"{folder}/files/alice/a/b.txt (not there)" in out
    assert "read, write, create, delete, move" in out
    assert f"known from the file of users, {folder}/users.toml" in out
    assert run("explain", "eve")[2] == f"clawgate: eve is not in {folder}/users.toml\n"
    assert run("explain", "alice", "/a/../b")[0] == 1


@pytest.mark.parametrize(("public", "warned"), [("", True), ('[http]\npublic_url = "https://cloud.example.org"\n', False)])
def test_check_wants_one_address_for_logins_with_a_browser(run, tmp_path, public, warned):
    file = tmp_path / "a.toml"
    provider = 'issuer = "http://127.0.0.1:1"\naudiences = ["x"]\nbrowser_client_id = "pages"\n'
    file.write_text(f"{public}[oidc.site]\n{provider}")
    out = run("--config", str(file), "check")[1]
    assert ("oidc.site: browsers are sent back to the address that they came by" in out) is warned


def test_explain_for_whom_only_tokens_describe(run, folder, tmp_path):
    file = tmp_path / "a.toml"
    file.write_text(
        '[oidc.site]\nissuer = "https://id.example.org"\naudiences = ["x"]\n'
        '[mounts.home]\nroot = "/h/{user.shard}/{user.uid}"\n'
        '[mounts.lab]\nkind = "project"\ngroups = "phy.*"\nroot = "/lab/{group}"\n'
    )
    facts = ("--group", "physics", "--attribute", "shard=3", "--uid", "1234", "--quota", "1 KiB")
    code, out, _ = run("--config", str(file), "explain", "carol@site", "/x", *facts)
    assert code == 0
    assert out.splitlines()[:3] == [
        "user carol@site (carol@site), groups: physics",
        "known from the options of this command",
        "uid 1234",
    ]
    assert "path      /h/3/1234/x (not there)" in out
    assert "path      /lab/physics/x (not there)" in out
    assert "quota     1024 bytes" in out
    assert (
        "the directory does not tell carol@site's shard" in run("--config", str(file), "explain", "carol@site", "--uid", "1")[1]
    )
    for arguments, expected in (
        ((), "say what a token would: --group, --attribute, --uid"),
        (("--attribute", "shard"), "--attribute: expected NAME=VALUE, found 'shard'"),
        (("--quota", "much"), "--quota: 'much' is not a size"),
    ):
        code, out, err = run("--config", str(file), "explain", "carol", *arguments)
        assert (code, out) == (1, "")
        assert expected in err
    assert not folder.exists()


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: what the reactor is for runs once in each."""
    return launch.nursery().tool(["--data", str(folder), *arguments], folder.parent, timeout=120)


def test_index_and_uploads(run, folder):
    run("user", "add", "alice", stdin="x\n")
    home = folder / "files" / "alice"
    os.makedirs(home / "sub")
    (home / "sub" / "a.txt").write_text("a")

    rebuilt = command(folder, "index", "rebuild")
    assert (rebuilt.returncode, rebuilt.stderr) == (0, "")
    verified = command(folder, "index", "verify", "alice")
    assert (verified.returncode, verified.stdout) == (0, "home$alice: agrees\n")
    (home / "sub" / "b.txt").write_text("b")
    verified = command(folder, "index", "verify")
    assert verified.returncode == 1
    assert "home$alice: /sub/b.txt is not in the index" in verified.stdout
    by_id = command(folder, "index", "verify", "--space", "home$alice")
    assert (by_id.returncode, by_id.stdout) == (1, verified.stdout)
    run("user", "add", "bob", stdin="x\n")
    (home.parent / "bob").write_text("no directory")
    said = command(folder, "index", "verify").stdout
    assert said.splitlines()[-2] == "home$alice: 1 disagreements"
    assert f"left out: home$bob: {home.parent}/bob is no directory\n" in said
    # Somebody whom nobody knows any more, but where the files are needs no more than the id.
    run("user", "remove", "bob")
    run("user", "remove", "alice")
    assert command(folder, "index", "rebuild").stdout == f"home$alice: learning {home}\n"
    assert command(folder, "index", "verify").stdout == "home$alice: agrees\n"
    assert "--space: home$eve is not there" in command(folder, "index", "verify", "--space", "home$eve").stderr
    assert command(folder, "index", "verify", "eve").stderr.endswith("eve is not in " + str(folder / "users.toml") + "\n")

    assert command(folder, "uploads", "list").stdout == ""
    assert command(folder, "uploads", "purge", "--all").stdout == "0 uploads were thrown away\n"
    assert command(folder, "uploads", "purge", "x").returncode == 1


def test_repairs_wait_until_the_gateway_has_stopped(folder):
    settings = load([], {}, data=str(folder))
    data.make(settings)
    lock = data.Lock(settings)
    assert lock.take()
    refused = subprocess.run([COMMAND, "--data", folder, "index", "rebuild"], capture_output=True, text=True, timeout=120)
    lock.release()

    assert refused.returncode == 1
    assert refused.stderr == f"clawgate: a gateway works with {folder}; stop it first\n"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", "others' changes are told by the kernel, for the whole file system (fanotify)"),
        ('watch_by = "inotify"', "others' changes are told by the kernel, for up to 20000 folders (inotify)"),
        ('watch_by = "inotify"\nwatch_folders = 100000000', "sysctl fs.inotify.max_user_watches=200000000"),
        ('outside_changes = "scan"', "others' changes are found by walking, within 60 s, in up to 54000 folders of a space"),
        ("staleness_max = 0.6", "what the kernel tells may wait 0.65 s, staleness_max is 0.6 s"),
        ('outside_changes = "none"', "others' changes are found when somebody lists the folder"),
    ],
)
def test_check_says_how_changes_by_others_are_found(run, folder, tmp_path, settings, expected):
    run("user", "add", "alice", stdin="x\n")
    os.makedirs(folder / "files" / "alice")
    file = tmp_path / "a.toml"
    file.write_text(f"[mounts.home]\n{settings}\n")
    code, out, _ = run("check", "--config", str(file))

    assert code == 0
    assert expected in out
