"""``/archiver``: files and folders as one archive, made while it is sent."""
