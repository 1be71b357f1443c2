"""Pure functions from models to manifests (plain dicts)."""
