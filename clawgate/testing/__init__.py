"""Conformance suites and doubles, shipped for the authors of drivers."""
