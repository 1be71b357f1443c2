"""HTTP control API and the console page."""
