"""The purge agent: it shares the cache volume with nginx and does what nginx cannot, forgetting one film at once."""
