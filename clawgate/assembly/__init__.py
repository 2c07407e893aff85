"""The place where objects meet: `core` everything below the protocols, `gateway` what is in front of it."""

from .core import Core
from .gateway import Gateway

__all__ = ["Core", "Gateway"]
