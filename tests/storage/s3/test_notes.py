"""Notes that cannot be read: a space must open all the same."""

from __future__ import annotations


async def test_notes_that_are_none(mounted):
    storage, prefix = mounted.storage, mounted.options.prefix
    for name in ("multiparts/1", "plans/1"):
        mounted.client.put_object(Bucket=mounted.bucket, Key=f"{prefix}.clawgate/{name}", Body=b"")
    await storage.abilities.janitor.sweep(frozenset(), 0)
    assert mounted.leftovers() == [f"{prefix}.clawgate/plans/1"]
