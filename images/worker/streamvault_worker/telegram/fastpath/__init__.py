"""How file pieces come off the wire: no copy and no generic parsing between the socket and the reader.

pyrogram's own path copies every mebibyte five times, parses it as if it were any answer, and decrypts without the
processor's AES instructions. This package replaces it for the sessions that carry files, and only for the answers that
carry pieces; whatever else arrives goes pyrogram's way. `docs/benchmarks.md` has the figures.
"""
