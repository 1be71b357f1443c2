"""The website's own checks: types, lint and unit tests."""

import website_process


def test_types_lint_and_units_pass() -> None:
    website_process.install()
    website_process.run(["npm", "test"])


def test_lock_file_names_no_address() -> None:
    lock = (website_process.SOURCE / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "npmjs" not in lock
