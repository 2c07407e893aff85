"""Small pictures of files, made by processes of their own.

`process` and what it imports run there, and know nothing of the gateway; all other modules run in the gateway, and know nothing
of Pillow.
"""
