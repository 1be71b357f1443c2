"""The count of nginx's full keys zone, which another process writes anew each time."""

from pathlib import Path

from streamvault_edge.metrics import KEYS_ZONE_FAILURES, KeysZoneFailures


def test_what_is_being_written_counts_as_before(tmp_path: Path) -> None:
    file, failures = tmp_path / KEYS_ZONE_FAILURES, KeysZoneFailures(tmp_path)
    file.write_text("0\n")
    assert failures.read() == 0
    file.write_text("12\n")
    assert failures.read() == 12
    for unfinished in ("", "1"):
        file.write_text(unfinished)
        assert failures.read() == 12
    file.write_text("13\n")
    assert failures.read() == 13


def test_nobody_counts_before_nginx_has_started(tmp_path: Path) -> None:
    failures = KeysZoneFailures(tmp_path)
    assert failures.read() is None
    (tmp_path / KEYS_ZONE_FAILURES).touch()
    assert failures.read() is None
