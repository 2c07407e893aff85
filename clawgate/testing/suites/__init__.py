"""What storages have to do, one ability a file; `conformance` puts it together."""
