"""Text that came from outside."""

import unicodedata
from typing import Any

from pydantic import SecretStr


def plain_text(value: Any) -> str:
    """Return the text of a secret or of text, and nothing of anything else."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return text if isinstance(text, str) else ""


def is_unicode(value: str) -> bool:
    """Tell whether the text can be encoded; the error of one that cannot would quote all of it."""
    return not any(unicodedata.category(character) == "Cs" for character in value)
