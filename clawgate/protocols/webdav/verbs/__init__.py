"""One module a verb: ``async def verb(dav, request, actor, address) -> Response``."""
