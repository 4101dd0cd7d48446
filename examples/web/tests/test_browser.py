"""The page in a real browser, before the emulator. Without a browser, test_page.py asks what it would ask."""

from collections.abc import Iterator
from pathlib import Path

import browser
import pytest
from browser import Browser
from conftest import Page

pytestmark = pytest.mark.skipif(browser.found() is None, reason="no Chromium here")

# To a browser that took it for HTML, this would be a script.
HOSTILE = "<img src=x onerror=document.title=1>.txt"


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Browser]:
    running = Browser(tmp_path)
    yield running
    running.end()


def state_of(name: str) -> str:
    return f"[...document.querySelectorAll('#mine tr')].find((row) => row.cells[0].textContent === {name!r})?.cells[2].textContent"


def test_files_are_chosen_and_dropped_and_followed_until_they_are_done(
    page: Page, chromium: Browser, tmp_path: Path
) -> None:
    chromium.open(f"http://127.0.0.1:{page.port}/")
    chromium.until("document.querySelector('h1').textContent === 'lab'")
    chromium.until("document.querySelector('#stages td')?.textContent === 'move'")
    chosen = tmp_path / HOSTILE
    chosen.write_text("chosen")
    empty, large = tmp_path / "empty.bin", tmp_path / "large.bin"
    empty.touch()
    large.write_bytes(b"x" * ((1 << 20) + 1))
    chromium.choose("#files", [chosen, empty, large])
    chromium.run(
        "const all = new DataTransfer(); all.items.add(new File(['dropped'], 'dropped.txt'));"
        "document.querySelector('#drop').dispatchEvent(new DragEvent('drop', {dataTransfer: all, bubbles: true, cancelable: true}))"
    )
    chromium.until(f"{state_of('empty.bin')} === 'not sent: it is empty'")
    chromium.until(f"{state_of('large.bin')} === 'not sent: larger than 1.0 MiB'")
    for name, content in ((HOSTILE, b"chosen"), ("dropped.txt", b"dropped")):
        chromium.until(f"{state_of(name)} === 'waits, or is being worked on'")
        files = page.s3.list_objects_v2(Bucket=page.bucket, Prefix="uploads/")["Contents"]
        keys = [file["Key"] for file in files if page.s3.get_object(Bucket=page.bucket, Key=file["Key"])["Body"].read() == content]
        assert len(keys) == 1, files
        # What a worker does.
        page.s3.put_object(Bucket=page.bucket, Key=keys[0].replace("uploads/", "processed/"), Body=content)
        page.s3.delete_object(Bucket=page.bucket, Key=keys[0])
        chromium.until(f"{state_of(name)} === 'done'")
    failing = tmp_path / "failing.txt"
    failing.write_text("fails")
    chromium.choose("#files", [failing])
    chromium.until(f"{state_of('failing.txt')} === 'waits, or is being worked on'")
    waiting = page.ask("GET", "/api/state").json()["waiting"]
    (name,) = [name for name in waiting if name.endswith("-failing.txt")]
    page.says(name, "working")
    chromium.until(f"{state_of('failing.txt')} === 'is being worked on in move'")
    page.says(name, "failed", HOSTILE)
    chromium.until(f"{state_of('failing.txt')} === 'failed in move: ' + {HOSTILE!r}")
    shown = f"[...document.querySelectorAll('#results tr')].find((row) => row.cells[0].textContent === {name!r})"
    assert chromium.run(f"{shown}.cells[1].textContent") == "move"
    assert chromium.run(f"{shown}.cells[3].textContent") == f"failed: {HOSTILE}"
    assert chromium.run(f"{shown}.cells[3].className") == "failed"
    assert chromium.run(f"/\\d:\\d\\d/.test({shown}.cells[2].textContent)")
    assert chromium.run("document.querySelectorAll('img').length") == 0
    assert chromium.run("document.title") == "lab"
    assert chromium.run("document.querySelector('#trouble').hidden")
    assert chromium.complaints() == []


def test_a_script_that_is_not_the_pages_own_does_not_run(page: Page, chromium: Browser) -> None:
    chromium.open(f"http://127.0.0.1:{page.port}/")
    chromium.run("const other = document.createElement('script'); other.textContent = 'window.ran = 1'; document.body.append(other)")
    assert chromium.run("window.ran") is None
    assert "Content Security Policy" in "".join(chromium.complaints())
