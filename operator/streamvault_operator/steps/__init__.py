"""The steps of a takedown: each is idempotent and verified by reading back."""
