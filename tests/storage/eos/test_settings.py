"""What mounts with the driver eos may be set to."""

from __future__ import annotations

import os

import pytest

from clawgate import configuration
from clawgate.assembly.eos import Caretaker, check, deployment_of, options_of
from clawgate.errors import Forbidden, SettingsError
from clawgate.interfaces import Storage
from clawgate.model.content import Intent
from clawgate.model.path import ROOT, Path
from clawgate.settings import Eos, Mount, Settings, State

ROOTS = "/eos/user/{user.id[0]}/{user.id}"
URLS = ["https://mgm.example.org:8443"]


def mount(root=ROOTS, **eos):
    return Mount(driver="eos", root=root, eos=Eos(**{"urls": URLS, **eos}))


def test_what_is_right():
    check({"home": mount(), "other": Mount()})
    options = options_of(mount(redirect_hosts=["fst*.example.org:8443"], timeout=5.0).eos)
    assert (options.urls, options.redirect_hosts, options.timeout) == (tuple(URLS), ("fst*.example.org:8443",), 5.0)
    assert options.stable_ids


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        (mount(urls=[]), "mounts.home.eos.urls"),
        (mount(root="files/{user.id}"), "mounts.home.root"),
        (mount(root="/eos/*/{user.id}"), "mounts.home.root"),
        (mount(user="{user.id"), "mounts.home.eos.user"),
    ],
)
def test_what_is_wrong(wrong, key):
    with pytest.raises(SettingsError, match=key):
        check({"home": wrong})


@pytest.mark.parametrize(
    "line",
    [
        *('urls = ["mgm.example.org"]', 'urls = ["https://mgm.example.org/eos"]', 'urls = ["https://u:p@mgm.example.org"]'),
        *('redirect_hosts = ["https://fst1"]', 'door = "root"', 'version = "4.8"', "requests = 0"),
    ],
)
def test_values_that_are_refused(tmp_path, line):
    file = tmp_path / "clawgate.toml"
    file.write_text(f'[mounts.home]\ndriver = "eos"\n[mounts.home.eos]\n{line}\n')
    with pytest.raises(SettingsError, match=r"mounts\.home\.eos"):
        configuration.load([str(file)])


def test_the_key_stands_in_a_file_and_is_never_shown(tmp_path):
    secret, file = tmp_path / "key", tmp_path / "clawgate.toml"
    secret.write_text("much secret\n")
    file.write_text(f'[mounts.home]\ndriver = "eos"\n[mounts.home.eos]\nkey = "file:{secret}"\n')
    eos = configuration.load([str(file)]).mounts["home"].eos
    assert eos.key == "much secret"
    assert "much secret" not in repr(eos) + repr(options_of(eos))


async def test_who_looks_after_a_space_may_do_nothing_in_it():
    storage: Storage = Caretaker({})

    async def body():
        yield b"x"

    calls = (
        *(storage.stat(ROOT), storage.list(ROOT), storage.read(Path("a")), storage.write(Path("a"), body(), Intent())),
        *(storage.make_folder(Path("a")), storage.remove(Path("a")), storage.move(Path("a"), Path("b"), replace=True)),
    )
    for call in calls:
        with pytest.raises(Forbidden):
            await call
    assert await storage.abilities.janitor.sweep(frozenset(), 0) == 0


LOCAL = ["", "sqlite:////srv/state.db", "postgresql://one@localhost/clawgate", "postgresql:///clawgate?host=/run/postgresql"]


def test_who_shares_sessions(tmp_path):
    """Containers may have the same names, paths and local databases, and nothing to do with each other."""
    folders = [str(tmp_path / name) for name in ("one", "two")]
    for folder in folders:
        os.mkdir(folder)
    for url in LOCAL:
        one, two = (deployment_of(Settings(data=folder, state=State(url=url))) for folder in folders)
        assert one != two and one == deployment_of(Settings(data=folders[0], state=State(url=url)))
    shared = [deployment_of(Settings(data=folder, state=State(url="postgresql://me:secret@db/clawgate"))) for folder in folders]
    assert shared[0] == shared[1] and "secret" not in shared[0]
    # Where nothing can be written down, nobody is taken for oneself.
    assert len({deployment_of(Settings(data=str(tmp_path / "missing"))) for _ in range(2)}) == 2
