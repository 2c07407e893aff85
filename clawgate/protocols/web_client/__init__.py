"""A build of ownCloud Web or OpenCloud Web, served from a folder, with the configuration that it asks for."""
