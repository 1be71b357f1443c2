"""Reads the clock that is drawn into every sample film from the picture that a browser shows."""

from playwright.sync_api import Page

from demo.films import CODE_BITS, CODE_LEFT, CODE_SIZE, CODE_TOP

_READ_FRAME = """
([bits, left, top, size]) => new Promise((resolve) => {
  const video = document.querySelector("video");
  const read = (_, frame) => {
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0);
    const height = canvas.height, side = Math.round(height * size);
    let second = 0;
    for (let bit = 0; bit < bits; bit++) {
      const x = Math.round(height * left) + side * bit + side / 2;
      const y = Math.round(height * top) + side / 2;
      second = second * 2 + (context.getImageData(x, y, 1, 1).data[0] > 127 ? 1 : 0);
    }
    // The last frame of a film that has ended began before its end.
    const mediaTime = frame ? frame.mediaTime : Math.max(0, video.currentTime - 0.5);
    resolve({second, mediaTime, currentTime: video.currentTime, height});
  };
  video.requestVideoFrameCallback(read);
  video.addEventListener("ended", read, {once: true});
  if (video.paused) read();
})
"""


def shown_second(page: Page) -> int:
    """Which second of the film the next painted frame shows, or the present one of a still film; from its pixels."""
    frame = page.evaluate(_READ_FRAME, [CODE_BITS, CODE_LEFT, CODE_TOP, CODE_SIZE])
    second: int = frame["second"]
    ahead_seconds = 0.5
    latest = max(frame["currentTime"], frame["mediaTime"]) + ahead_seconds  # a busy machine may draw a later frame
    shown = range(int(frame["mediaTime"]), int(latest) + 1)
    assert second in shown, f"the player's time and its picture differ: {frame}"
    return second
