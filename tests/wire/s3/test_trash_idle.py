"""What lies in the trash of people who do not come, in a bucket that keeps versions."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ...storage.s3 import servers
from ..bucket import BucketGateway
from ..gateway import USERS

BUCKET = "wire-idle"


@pytest.mark.parametrize("own", [False, True])
def test_old_trash_goes_though_nobody_comes(tmp_path: Path, moto: servers.Server, own: bool) -> None:
    """Also with credentials of each person's own (`own`), which are made of nothing but the name."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    gateway = BucketGateway(folder, moto)
    bucket = f"{BUCKET}-{own}".lower()
    client3 = gateway.disk().client
    client3.create_bucket(Bucket=bucket)
    client3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    gateway.configure(mounts__home__s3={"bucket": bucket, "versioned": True})
    if own:
        gateway.configure(mounts__home__s3={"access_key": "{user.id}", "secret_key": "of-{user.id}"})

    def kept() -> int:
        """Versions of what people had."""
        answer = client3.list_object_versions(Bucket=bucket)
        return sum("gone" in one["Key"] and ".clawgate" not in one["Key"] for one in answer.get("Versions", ()))

    try:
        gateway.start()
        for user in USERS:
            with gateway.client(user) as client:
                assert client.put("gone", b"content").status == 201
                assert client.ask("DELETE", "gone").status == 204
        gateway.stop()
        assert kept() == len(USERS)
        gateway.configure(index={"tidy_seconds": 1}, mounts__home={"trash_days": 0.00001})
        gateway.start()
        deadline = time.monotonic() + 120
        while kept():
            assert time.monotonic() < deadline, gateway.log()[-2000:]
            time.sleep(0.1)
    finally:
        gateway.close()
