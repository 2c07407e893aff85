"""The request class, bodies, responses and everything of HTTP that is not WebDAV."""
