"""Ids, etags, tree sizes and the change journal: a cache of what the storages say."""
