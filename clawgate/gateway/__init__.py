"""The rules: who may do what where, in which order. No HTTP, no driver, no SQL."""
