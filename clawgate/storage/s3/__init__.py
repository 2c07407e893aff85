"""Objects of an S3 bucket, served as they are: the key is the path."""

from .clients import make_client
from .control import Control
from .driver import S3Storage
from .options import S3Options

__all__ = ["Control", "S3Options", "S3Storage", "make_client"]
