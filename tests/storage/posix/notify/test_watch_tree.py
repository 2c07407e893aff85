from __future__ import annotations

import pytest

from clawgate.model.path import Path
from clawgate.storage.posix.notify import budget
from clawgate.storage.posix.notify.watch_tree import WatchTree


class Trees:
    """Two trees whose folders ``a``, ``a/b`` are watched with the given numbers."""

    def __init__(self):
        self.released = []
        self.tree = WatchTree(self.released.append)
        self.time = 0.0

    def attach(self, tree, path, id):
        self.time += 1
        parent, name = None, b""
        *above, last = path.split("/") if path else [""]
        if path:
            parent = self.tree.root(tree)
            for step in above:
                parent = parent.children[step.encode()]
            name = last.encode()
        return self.tree.attach(tree, parent, name, Path(path), id, self.time)


@pytest.fixture
def trees():
    return Trees()


def test_what_is_detached_goes_with_all_below(trees):
    for id, path in enumerate(["", "a", "a/b", "a/b/c", "d"]):
        trees.attach("one", path, id)
    gone = trees.tree.detach(trees.tree.of(1)[0])
    assert sorted(watch.path for watch in gone) == ["a", "a/b", "a/b/c"]
    assert not any(watch.attached for watch in gone)
    assert sorted(trees.released) == [1, 2, 3]
    assert len(trees.tree) == 2
    assert trees.tree.of(2) == []
    trees.tree.clear()
    assert trees.tree.trees == []
    assert sorted(trees.released) == [0, 1, 2, 3, 4]


def test_a_number_is_released_with_the_last_folder_that_has_it(trees):
    trees.attach("one", "", 1)
    trees.attach("one", "a", 2)
    inner = trees.attach("two", "", 2)
    assert {watch.tree for watch in trees.tree.of(2)} == {"one", "two"}
    trees.tree.detach(inner)
    assert trees.released == []
    trees.tree.clear()
    assert sorted(trees.released) == [1, 2]


def test_another_folder_of_the_same_name_replaces_the_old_one(trees):
    trees.attach("one", "", 1)
    old = trees.attach("one", "a", 2)
    below = trees.attach("one", "a/b", 3)
    assert trees.attach("one", "a", 2) is old
    new = trees.attach("one", "a", 4)
    assert trees.tree.root("one").children == {b"a": new}
    assert (old.attached, below.attached, new.attached) == (False, False, True)
    assert trees.released == [2, 3]
    # It moved, and the word of that is still on its way.
    moved = trees.attach("one", "z", 4)
    trees.tree.detach(new)
    assert trees.tree.of(4) == [moved]
    assert trees.released == [2, 3]


def test_the_idlest_has_nothing_below_it(trees):
    for id, path in enumerate(["", "a", "a/b", "d"]):
        trees.attach("one", path, id)
    order = []
    trees.tree.touch(trees.tree.of(2)[0], 9.0)
    while (watch := trees.tree.idlest()) is not None:
        assert not watch.children
        order.append((watch.path, watch.used))
        trees.tree.detach(watch)
    assert order == [("d", 4.0), ("a/b", 9.0), ("a", 9.0), ("", 9.0)]


def test_a_process_takes_a_share_of_the_users_watches(tmp_path, monkeypatch):
    (tmp_path / "limit").write_text(f"{2 * (budget._process.taken + 3)}\n")
    monkeypatch.setattr(budget, "_LIMIT_FILE", str(tmp_path / "limit"))
    monkeypatch.setattr(budget, "_FRESH", -1)
    one, two = budget.Budget(2), budget.Budget(10)
    assert [one.take() for _ in range(3)] == [True, True, False]
    assert [two.take() for _ in range(3)] == [True, False, False]
    one.give()
    assert [two.take() for _ in range(2)] == [True, False]
    for _ in range(2):
        two.give()
    one.give()
    (tmp_path / "limit").write_text("none")
    assert not one.take()
