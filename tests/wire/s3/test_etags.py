"""Which etags move, with homes in a bucket."""

from __future__ import annotations

from .. import dav, test_etags
from ..bucket import BucketGateway

OPERATIONS = 80


class Model(test_etags.Model):
    """The same rules, but for times: S3's ETag says nothing of them."""

    def touch(self, client: dav.Client) -> tuple[str, set[str], set[str]]:
        said, _, _ = super().touch(client)
        return said, set(), set()


def test_exactly_what_changed_moves(gateway: BucketGateway) -> None:
    model = Model(gateway)
    try:
        for _ in range(OPERATIONS):
            model.step()
    finally:
        model.close()
    gateway.stop()
    said = gateway.tool("index", "verify")
    assert said.returncode == 0, said.stdout + said.stderr
