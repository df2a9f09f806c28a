"""The problem document of RFC 9457, which services write and clients read."""

from typing import ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

__all__ = ["PROBLEM_MEDIA_TYPE", "ProblemDetails", "ProblemError"]

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
"""The media type of a problem document."""

_MAX_LENGTH: Final = 64 * 1024


class ProblemError(BaseModel):
    """One fault among several: of which kind, where, and in words. It never holds the input."""

    type: str
    """The kind of fault."""

    loc: list[str | int] = Field(default_factory=list)
    """The way to it: ``body``, then fields and positions."""

    msg: str
    """What was expected, in words."""


class ProblemDetails(BaseModel):
    """What went wrong with a request, for people and for programs.

    Members that the document defines beyond these are kept in ``model_extra``; RFC 9457 has
    readers ignore those they do not know.

    See Also:
        https://www.rfc-editor.org/rfc/rfc9457
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", hide_input_in_errors=True)

    type: str = "about:blank"
    """A URI that names the kind of problem; ``about:blank`` says no more than the status."""

    title: str | None = None
    """The kind of problem in a few words, the same at each occurrence."""

    status: int | None = Field(default=None, ge=100, le=599)
    """The HTTP status that the document came with."""

    detail: str | None = None
    """This occurrence, in words that help to mend it."""

    instance: str | None = None
    """A URI that names this occurrence."""

    request_id: str | None = None
    """The id under which the service's logs hold this request."""

    errors: list[ProblemError] | None = None
    """The single faults, where there are several."""

    @classmethod
    def parse(cls, content: str | bytes) -> Self | None:
        """Read a stranger's document, ``None`` where it is none or longer than 64 KiB.

        Members of the wrong type are left out, as RFC 9457 asks of readers.
        """
        if len(content) > _MAX_LENGTH:
            return None
        try:
            members = from_json(content)
        except ValueError:
            return None
        return cls._of_sound_members(members) if isinstance(members, dict) else None

    @classmethod
    def _of_sound_members(cls, members: dict[str, object]) -> Self:
        try:
            return cls.model_validate(members)
        except ValidationError as exc:
            faults = exc.errors(include_url=False, include_context=False, include_input=False)
        unsound = {fault["loc"][0] for fault in faults}
        return cls.model_validate(
            {name: value for name, value in members.items() if name not in unsound}
        )

    def to_json(self) -> bytes:
        """Return the document's body: the members that are set, as JSON in UTF-8."""
        return self.model_dump_json(exclude_none=True).encode()
