from __future__ import annotations

import errno
import os

import pytest
import pytest_twisted

from clawgate.errors import (
    ClawgateError,
    Forbidden,
    InvalidRequest,
    NotFound,
    QuotaExceeded,
    StorageTimeout,
    StorageUnavailable,
)
from clawgate.model.content import Intent
from clawgate.model.path import Path
from clawgate.storage.posix.failures import guarded, translate
from clawgate.testing.conformance import LARGE, forbidden, put, tree


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOENT, NotFound),
        (errno.ENOSPC, QuotaExceeded),
        (errno.EDQUOT, QuotaExceeded),
        (errno.EROFS, Forbidden),
        (errno.EACCES, Forbidden),
        (errno.EPERM, Forbidden),
        (errno.EIO, StorageUnavailable),
        (errno.ESTALE, StorageUnavailable),
        (errno.ETIMEDOUT, StorageTimeout),
        (errno.ENAMETOOLONG, InvalidRequest),
        (errno.EBADMSG, StorageUnavailable),
    ],
)
def test_numbers(number, error):
    cause = OSError(number, os.strerror(number), "/secret/path")
    with pytest.raises(error) as caught, guarded("a/b"):
        raise cause
    assert type(caught.value) is error
    assert caught.value.__cause__ is cause
    assert "secret" not in str(caught.value)


def test_other_errors_pass():
    with pytest.raises(ZeroDivisionError), guarded(""):
        raise ZeroDivisionError
    assert isinstance(translate(OSError("no number")), StorageUnavailable)


@pytest.fixture
def nobody(root):
    """Whom something can be forbidden: root gives its rights up for as long as the test takes."""
    if os.geteuid() != 0:
        yield
        return
    # The directories of the test runner are root's alone.
    open_to_all = [(path, path.stat().st_mode) for path in root.parents if not path.stat().st_mode & 0o001]
    for path, mode in open_to_all:
        path.chmod(mode | 0o011)
    os.chown(root, 65534, 65534)
    os.seteuid(65534)
    yield
    os.seteuid(0)
    for path, mode in open_to_all:
        path.chmod(mode)


@pytest_twisted.ensureDeferred
async def test_no_rights(root, make, nobody):
    storage = make()
    await put(storage, "x", b"")
    (root / "closed").mkdir(mode=0o555)
    with pytest.raises(Forbidden):
        await put(storage, "closed/file", b"x")
    with pytest.raises(Forbidden):
        await storage.write(Path("closed/file"), forbidden(), Intent(size=len(LARGE)))
    (root / "closed").chmod(0)
    with pytest.raises(Forbidden):
        await storage.list(Path("closed"))


@pytest_twisted.ensureDeferred
async def test_too_much_is_refused_before_it_comes(root, make):
    storage = make()
    with pytest.raises(QuotaExceeded):
        await storage.write(Path("file"), forbidden(), Intent(size=1 << 60))
    with pytest.raises(QuotaExceeded):
        await storage.abilities.parts.begin(1 << 60)
    assert await tree(storage) == {}
    assert os.listdir(root / ".clawgate") == []


@pytest_twisted.ensureDeferred
async def test_an_unknown_checksum_is_refused(root, make):
    with pytest.raises(ClawgateError):
        await put(make(), "file", b"x", compute=("WHIRLPOOL",))
    assert os.listdir(root) == []
