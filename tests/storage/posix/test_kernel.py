from __future__ import annotations

import os
from pathlib import Path

import pytest

from clawgate.storage.posix import kernel

NAME = b"user.clawgate"


@pytest.fixture(params=["as this kernel can", "Linux before 6.13"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "Linux before 6.13":
        monkeypatch.setattr(kernel, "_HAS_GETXATTRAT", False)


@pytest.mark.usefixtures("way")
def test_attributes_of_what_is_in_a_folder(tmp_path: Path) -> None:
    values = {b"short": b"x", b"long": bytes(range(1, 256)) * 12, "\N{SNOWMAN} ü".encode(): b"a\0b"}
    for name, value in values.items():
        path = os.fsencode(tmp_path) + b"/" + name
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        os.setxattr(path, NAME, value)
    (tmp_path / "none").touch()
    (tmp_path / "link").symlink_to("short")
    fd = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    try:
        assert {name: kernel.get_xattr_of(fd, name, NAME) for name in values} == values
        assert [kernel.get_xattr_of(fd, name, NAME) for name in (b"none", b"link", b"missing")] == [b"", b"", b""]
    finally:
        os.close(fd)
