"""Drivers, one a folder, and the wrappers that give them what they lack."""
