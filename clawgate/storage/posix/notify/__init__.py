"""Hearing from the kernel what others change."""

from .inspection import inspect
from .notifier import Kind, Notifier

__all__ = ["Kind", "Notifier", "inspect"]
