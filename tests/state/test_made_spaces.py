"""What the state has of spaces that people make, of this version and of older ones."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from clawgate.model.made_space import Role
from clawgate.state.made_spaces import peek


def test_a_state_of_the_version_before_is_read_without_changing_it(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    assert peek(f"sqlite:///{file}").all() == []
    database = sqlite3.connect(file)
    names = "mount, key, folded, label, name, description, quota, standing, created, image, readme"
    database.execute(f"CREATE TABLE made_space ({names})")
    database.execute("CREATE TABLE made_space_member (mount, key, principal, role)")
    row = ("m", "k", "optics", "optics", "Optics", "", None, "ready", 7.0, "", "")
    database.execute(f"INSERT INTO made_space VALUES ({', '.join('?' * len(row))})", row)
    database.execute("INSERT INTO made_space_member VALUES ('m', 'k', 'ada', 'manager')")
    database.commit()
    (found,) = peek(f"sqlite:///{file}").all()
    assert (found.id, found.members, found.until) == ("m$k", {"ada": Role.MANAGER}, {})
    database.execute("ALTER TABLE made_space_member ADD COLUMN expires")
    database.execute("INSERT INTO made_space_member VALUES ('m', 'k', 'bob', 'viewer', 100.0)")
    database.commit()
    database.close()
    known = peek(f"sqlite:///{file}")
    assert known.ends == 100.0
    assert [sorted(one.members) for one in known.at(99.9).all()] == [["ada", "bob"]]
    later = known.at(100.0)
    assert [sorted(one.members) for one in later.all()] == [["ada"]]
    assert later.of("m", ["bob"]) == [] and known.affected(later) == {"ada", "bob"}
