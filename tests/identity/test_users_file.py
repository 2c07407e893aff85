from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.errors import SettingsError
from clawgate.identity.passwords import decoy
from clawgate.identity.users_file import Account, check_user_id, parse, replaced, write
from clawgate.model.people import User

HASH = decoy(())
TEXT = f"""# people

# the boss
[users."alice"]
password = "{HASH}"  # long

# bob's comment
[users.bob]
password = "{HASH}"
groups = [
  "a",
]
"""


def account(id: str, **others: object) -> Account:
    return Account(User(id, **others), HASH)  # type: ignore[arg-type]


def test_adding_leaves_the_rest_alone():
    assert TEXT + f'\n[users."carol"]\npassword = "{HASH}"\nquota = 5\n' == replaced(
        TEXT, "carol", account("carol", quota=5), "f"
    )
    assert f'[users."a"]\npassword = "{HASH}"\n' == replaced("", "a", account("a"), "f")


def test_replacing_keeps_comments_above():
    new = replaced(TEXT, "bob", account("bob", name="Bob"), "f")

    assert '# bob\'s comment\n[users."bob"]\n' in new
    assert parse(new, "f")["bob"].user.name == "Bob"
    assert TEXT.split("# bob")[0] == new.split("# bob")[0]


def test_removing():
    assert {"bob"} == parse(replaced(TEXT, "alice", None, "f"), "f").keys()
    assert replaced(TEXT, "eve", None, "f") == TEXT


def test_what_cannot_be_edited_is_refused():
    text = f'users.alice.password = "{HASH}"\n'
    for new in (None, account("alice", name="A")):
        with pytest.raises(SettingsError, match="edit the file by hand"):
            replaced(text, "alice", new, "f")


@pytest.mark.parametrize("sign", ["\n", "\x7f", "\x9b", "\x85", "\u2028", "\u202e", "\u2066", ":", "/", "\0", "\ud800"])
def test_ids_that_would_be_something_else_on_a_screen(sign):
    with pytest.raises(SettingsError):
        check_user_id(f"a{sign}b")


def test_ids_may_be_in_any_language():
    for id in ("Jürgen Groß", "王芳", "علی", "नेहा", "می\u200cروم"):
        assert check_user_id(id) == id


def _possible(id: str) -> bool:
    try:
        check_user_id(id)
    except SettingsError:
        return False
    return True


@given(
    st.lists(
        st.tuples(
            st.text(min_size=1).filter(_possible),
            st.text(),
            st.text(),
            st.frozensets(st.text()),
            st.none() | st.integers(0, 2**62),
        )
    ),
    st.data(),
)
def test_accounts_come_back_as_they_were_written(people, data):
    text = TEXT
    expected = parse(TEXT, "f")
    for id, name, mail, groups, quota in people:
        expected[id] = account(id, name=name, mail=mail, groups=groups, quota=quota)
        text = replaced(text, id, expected[id], "f")
    gone = data.draw(st.sampled_from(sorted(expected)))
    del expected[gone]

    assert expected == parse(replaced(text, gone, None, "f"), "f")


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
@pytest.mark.parametrize("start", ["#", "[", " # x", "[users.bob]"])
def test_characters_that_only_python_takes_for_line_ends(separator, start):
    boss = account("alice", name="a", mail="b" + separator + start)
    text = replaced(TEXT, "alice", boss, "f")

    assert parse(text, "f")["alice"] == boss
    assert parse(replaced(text, "bob", None, "f"), "f") == {"alice": boss}
    assert parse(replaced(text, "alice", None, "f"), "f").keys() == {"bob"}


def test_a_new_file_belongs_to_the_owner_of_its_folder(tmp_path, monkeypatch):
    """Root adds the first user, and the gateway, which is somebody else, reads it."""
    given = []
    monkeypatch.setattr(os, "fchown", lambda descriptor, uid, gid: given.append((uid, gid)))
    write(str(tmp_path / "users.toml"), "a")
    folder = tmp_path.stat()
    assert given == [(folder.st_uid, folder.st_gid)]


def test_written_files_keep_mode_and_links(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    write(str(real), "a")
    assert real.stat().st_mode & 0o777 == 0o600
    real.chmod(0o640)
    link.symlink_to(real)
    write(str(link), "b")

    assert real.read_text() == "b"
    assert real.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert {"real", "link"} == set(os.listdir(tmp_path))
