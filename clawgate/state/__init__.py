"""What cannot be found again in the storage: locks, properties, favourites, upload sessions."""
