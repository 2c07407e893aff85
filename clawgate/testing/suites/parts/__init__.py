"""What storages have to do that take content in pieces, one promise a file; `testing.parts` puts it together."""
