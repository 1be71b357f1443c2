"""A local Telegram: an MTProto server that unmodified clients log into.

Layers, each importing only those before it: ``wire`` (framing, ciphers, TL, key exchange), ``state`` (what Telegram
remembers, in SQLite and document files), the server modules of this folder (connections, sessions,
dispatch, faults, updates), ``methods`` (one module per API namespace) and ``control`` (HTTP API and console page).
"""
