"""Nothing that reaches a browser names where the bytes are kept; the `page` fixture checks live pages."""

import mimetypes

import patient_http
import pytest
import website_process
import website_samples as samples
import white_label
from website_edge import GONE


def test_check_itself_finds_every_form() -> None:
    for text in ("Telegram", "https://t.me/x", "see t.me now", "tg://resolve", 'href="tg:x"'):
        assert white_label.traces(text), text
    assert white_label.traces('a="tg:resolve"', "text/javascript")
    assert not white_label.traces("function(t){return t.message+{tg:1}.tg}", "text/javascript")


def test_files_for_the_browser_are_clean_and_without_source_maps() -> None:
    files = [path for path in (website_process.build() / ".next" / "static").rglob("*") if path.is_file()]
    assert any(path.suffix == ".js" for path in files)
    assert [path.name for path in files if path.suffix == ".map"] == []
    for path in files:
        if path.suffix in {".js", ".css", ".json", ".html", ".txt"}:
            kind = mimetypes.guess_type(path.name)[0] or ""
            assert white_label.traces(path.read_text(), kind) == [], path


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/browse",
        "/browse?q=zzz",
        f"/t/{samples.MOVIES[0].id}",
        f"/t/{samples.SEASONS[0].id}",
        f"/t/{GONE}",
        "/none",
        "/robots.txt",
        "/manifest.webmanifest",
        "/brand-icon",
        "/metrics",
    ],
)
def test_answer_is_clean(site: str, path: str) -> None:
    answer = patient_http.get(site + path)
    assert white_label.traces(answer.text, answer.headers["content-type"]) == []
    assert white_label.traces(repr(answer.headers)) == []
    assert "x-powered-by" not in answer.headers
