"""Uploads that take several requests: one model of a session for every dialect."""
