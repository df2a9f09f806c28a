"""The fields of a pre-signed form, as they will be sent, checked before they are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from saigon.rest._uploads.permissions import refuse_expired, refuse_no_place
from saigon.rest._uploads.policies import Policy
from saigon.rest.exceptions import InvalidRequestError, PresignedUrlError

_FILENAME: Final = "${filename}"
_DEFAULT_NAME: Final = "file"
_DEFAULT_TYPE: Final = "application/octet-stream"
_SIGNATURES: Final = frozenset({"signature", "x-amz-signature"})
_REDIRECTS: Final = ("redirect", "success_action_redirect")


@dataclass(frozen=True, slots=True)
class Form:
    """A form to send, but for its file.

    Args:
        fields: In the order in which they are sent; the file comes last.
        policy: What the form allows; None where anything is.
        filename: What the file is called.
        content_type: What the file is said to be.
    """

    fields: Mapping[str, str]
    policy: Policy | None
    filename: str
    content_type: str

    @property
    def values(self) -> Mapping[str, str]:
        """The fields as S3 understands them: by names in lower case, the file's name filled in."""
        return {
            name.lower(): value.replace(_FILENAME, self.filename)
            for name, value in self.fields.items()
        }

    def check_size(self, size: int) -> None:
        """Refuse what the policy does not allow, of the fields and of a file of that many bytes.

        Raises:
            PresignedUrlError: S3 would refuse it.
        """
        if self.policy is not None:
            self.policy.check(self.values, size)


def read_form(
    url: str,
    fields: Mapping[str, str],
    *,
    filename: str | None,
    content_type: str | None,
    now: datetime,
) -> Form:
    """Read a form whose policy has not expired.

    Args:
        url: Where the form goes.
        fields: Its fields but the file.
        filename: What the file is called; None where it has no name.
        content_type: What the file is; sent as the field ``Content-Type`` where the form has none
            and may have one.
        now: The present time.

    Raises:
        PresignedUrlError: S3 would refuse it.
        InvalidRequestError: The name or the type of the file cannot be sent.
    """
    refuse_no_place(url)
    _refuse_no_text(fields)
    given = {name.lower(): value for name, value in fields.items()}
    _refuse_fields(fields, given)
    policy = Policy.parse(given["policy"]) if "policy" in given else None
    if policy is not None:
        refuse_expired(policy.expiration, now)
    if filename is None and any(_FILENAME in value for value in given.values()):
        raise PresignedUrlError(f"a field of the form asks for {_FILENAME}: give a filename")
    fields = _with_type(fields, given.get("content-type"), policy, content_type)
    part_type = content_type or given.get("content-type") or _DEFAULT_TYPE
    return Form(fields, policy, _base_name(filename), _sendable(part_type))


def _refuse_no_text(fields: Mapping[Any, Any]) -> None:
    for name, value in fields.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            raise PresignedUrlError(f"the form's field {name!r} is no text")


def _refuse_fields(fields: Mapping[str, str], given: Mapping[str, str]) -> None:
    if len(given) < len(fields):
        raise PresignedUrlError("two of the form's fields have the same name")
    if "file" in given:
        raise PresignedUrlError("a field of the form is named 'file'; that is the file's own")
    if "key" not in given:
        raise PresignedUrlError("the form has no field 'key'")
    if "policy" in given and _SIGNATURES.isdisjoint(given):
        raise PresignedUrlError("the form has a policy without a signature")
    if any(given.get(name) for name in _REDIRECTS):
        raise PresignedUrlError(
            "the form asks to be redirected, which is for browsers: sign one with"
            " success_action_status or neither"
        )


def _with_type(
    fields: Mapping[str, str], named: str | None, policy: Policy | None, wanted: str | None
) -> Mapping[str, str]:
    if wanted is None or named == wanted:
        return fields
    if named is not None:
        raise PresignedUrlError("the form's field 'Content-Type' says another content type")
    if policy is not None and not policy.mentions("content-type"):
        raise PresignedUrlError("the form's policy allows no content type: sign it with one")
    return {**fields, "Content-Type": wanted}


def _base_name(filename: str | None) -> str:
    # S3 takes what follows the last slash or backslash; so nothing of a path is told.
    name = re.split(r"[/\\]", _DEFAULT_NAME if filename is None else filename)[-1]
    if not name:
        raise InvalidRequestError("the file's name is empty")
    return name


def _sendable(content_type: str) -> str:
    if not (content_type.isascii() and content_type.isprintable()):
        raise InvalidRequestError("the content type holds what a header cannot")
    return content_type
