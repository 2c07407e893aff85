"""Logging in with a browser: Nextcloud's login flow v2, and a page for one's own app passwords."""
