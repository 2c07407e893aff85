"""LibreGraph v1.0, as far as desktop, mobile and web clients ask for it."""
