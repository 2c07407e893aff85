"""A POSIX file system, served in place."""
