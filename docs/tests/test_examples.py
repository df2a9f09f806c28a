"""Every Python block of the READMEs and of the documentation runs, file by file."""

import asyncio
import logging
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    candidates = [
        ROOT / "README.md",
        *ROOT.glob("packages/*/README.md"),
        *ROOT.glob("docs/**/*.md"),
    ]
    return [page for page in candidates if FENCE.search(page.read_text())]


@pytest.fixture
def logging_put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, factory = list(root.handlers), root.level, logging.getLogRecordFactory()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.setLogRecordFactory(factory)


@pytest.fixture
def event_loop_closed() -> Iterator[None]:
    """Close the event loop that an example takes as the thread's."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.mark.usefixtures("logging_put_back", "event_loop_closed")
@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_the_python_blocks_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text()
    lines = [""] * text.count("\n")
    for block in FENCE.finditer(text):
        first = text.count("\n", 0, block.start(1))
        lines[first : first + block[1].count("\n")] = block[1].splitlines()
    example = tmp_path / f"{page.stem.replace('-', '_')}_example.py"
    example.write_text("\n".join(lines))
    runpy.run_path(str(example), run_name="__main__")


def test_every_package_has_an_example() -> None:
    with_examples = {page.parent.name for page in pages() if page.name == "README.md"}
    assert {package.name for package in ROOT.glob("packages/*")} <= with_examples
