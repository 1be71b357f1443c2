"""Decisions as pure functions over plain data: no I/O, and the clock is an argument."""
