"""WebDAV (RFC 4918) as ownCloud and Nextcloud speak it."""
