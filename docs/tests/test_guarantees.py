"""The tests that the page of the guarantees names as proofs are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guides" / "exactly-one-effect.md"
TESTS = [ROOT / "packages" / "saigon-aws" / "tests" / "sqs", ROOT / "tests-integration" / "sqs"]


def test_every_proof_is_a_test() -> None:
    proofs = re.findall(r"`(test_\w+)`", PAGE.read_text())
    sources = [path.read_text() for folder in TESTS for path in folder.glob("test_*.py")]
    tests = {name for source in sources for name in re.findall(r"(?m)^def (test_\w+)", source)}
    assert len(proofs) > 10
    assert set(proofs) <= tests
