"""Storages around storages."""
