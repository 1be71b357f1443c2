"""What a worker's answer to the first-slice check means for a file."""

from .errors import Retry
from .title import FIRST_SLICE_BYTES, PlannedFile

BUSY_SECONDS = 5.0
UNREACHABLE_SECONDS = 30.0


def judge(
    file: PlannedFile, status: int, total_bytes: int | None, body_bytes: int, retry_after_seconds: float | None
) -> Retry | None:
    """None when the answer proves that the file can be read in its declared size, else why not and when to ask again.

    `status` is the HTTP status, 0 for no answer; `total_bytes` is the total of Content-Range.
    """
    name = file.spec.name
    if status == 206:
        return _compare(file, total_bytes, body_bytes)
    if status in {429, 503}:
        return Retry(retry_after_seconds or BUSY_SECONDS, "Pending", f"{name}: the workers are busy")
    if status == 0:
        return Retry(BUSY_SECONDS, "Pending", f"{name}: the worker did not answer")
    if status == 404:
        return Retry(BUSY_SECONDS, "Pending", f"{name}: the worker does not know generation {file.gen} yet")
    if status == 424:
        return Retry(UNREACHABLE_SECONDS, "SourceUnreachable", f"{name}: no worker's account can read its messages")
    return Retry(UNREACHABLE_SECONDS, "SourceUnreachable", f"{name}: the worker answered {status}")


def _compare(file: PlannedFile, total_bytes: int | None, body_bytes: int) -> Retry | None:
    name, declared = file.spec.name, file.size_bytes
    if total_bytes != declared:
        message = f"{name}: declared {declared} bytes, the worker says {total_bytes}"
        return Retry(UNREACHABLE_SECONDS, "SourceUnreachable", message)
    if body_bytes != min(FIRST_SLICE_BYTES, declared):
        message = f"{name}: {body_bytes} bytes came instead of {min(FIRST_SLICE_BYTES, declared)}"
        return Retry(UNREACHABLE_SECONDS, "SourceUnreachable", message)
    return None
