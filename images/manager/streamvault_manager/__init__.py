"""The manager: the catalogue and play API for the website, and the admin bot."""
