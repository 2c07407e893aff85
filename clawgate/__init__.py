"""clawgate: a streaming gateway that lets sync clients work on storage a site already has."""

__version__ = "0.1.0"
