"""Values that cross the layers. They know nothing of HTTP, storage drivers or SQL."""
