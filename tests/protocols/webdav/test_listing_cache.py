from __future__ import annotations

from clawgate.protocols.webdav.listing_cache import ListingCache


def test_valid_as_long_as_the_stamp():
    cache = ListingCache(100_000)
    cache.put("key", 1, [b"a", b"b"])

    assert cache.get("key", 1) == (b"a", b"b")
    assert cache.get("key", 2) is None
    assert cache.get("other", 1) is None
    assert (cache.hits, cache.misses) == (1, 2)


def test_what_changed_replaces_what_was():
    cache = ListingCache(100_000)
    cache.put("key", 1, [b"x" * 1000])
    before = cache.used
    cache.put("key", 2, [b"x" * 1000])

    assert cache.used == before
    assert cache.get("key", 1) is None
    assert cache.get("key", 2) is not None


def test_the_least_recently_used_go():
    cache = ListingCache(10_000)
    for key in "abcd":
        cache.put(key, 1, [b"x" * 1900])
    cache.get("a", 1)
    cache.put("e", 1, [b"x" * 1900])

    assert cache.get("b", 1) is None
    assert cache.get("a", 1) is not None
    assert cache.used <= cache.limit


def test_too_large_is_not_kept_and_drops_the_old():
    cache = ListingCache(10_000)
    cache.put("key", 1, [b"x"])
    cache.put("key", 2, [b"x" * 2500])

    assert cache.get("key", 2) is None
    assert cache.used == 0


def test_nothing_is_kept_without_room():
    cache = ListingCache(0)
    cache.put("key", 1, [b""])
    assert cache.get("key", 1) is None
