from datetime import UTC
from typing import Any

import pytest

from saigon.aws.cognito import CognitoClient
from saigon.aws.cognito.exceptions import (
    CognitoConnectionError,
    IdentityRefusedError,
    InvalidInputError,
    RoleChoiceRequiredError,
    TokenExpiredError,
)
from saigon.aws.testing import LocalAws, LocalIdentityPool, LocalUser, LocalUserPool

ROLE = "arn:aws:iam::123456789012:role/clerk"
ROLES = [ROLE, "arn:aws:iam::123456789012:role/admin"]
IDENTITY = "eu-west-1:5f1c0000-0000-4000-8000-00000000000a"
REFUSAL = (400, {"__type": "NotAuthorizedException", "message": "Access is forbidden."})


def test_two_users_get_identities_and_keys_of_their_own(
    aws: LocalAws,
    aws_user_pool: LocalUserPool,
    aws_identity_pool: LocalIdentityPool,
    cognito: CognitoClient,
) -> None:
    users = [aws.create_user(aws_user_pool) for _ in range(2)]

    given = [
        cognito.get_iam_credentials(cognito.login_user(user.username, user.password))
        for user in users
    ]

    assert given[0].identity_id != given[1].identity_id
    for user, credentials in zip(users, given, strict=True):
        issued = aws_identity_pool.find(credentials.access_key_id)
        assert issued is not None
        assert issued.user_sub == user.sub
        assert issued.secret_access_key == credentials.secret_access_key
        assert issued.session_token == credentials.session_token
        assert issued.expiration == credentials.expiration
        assert credentials.expiration.tzinfo is UTC


def test_a_user_keeps_the_identity(cognito: CognitoClient, aws_user: LocalUser) -> None:
    tokens = cognito.login_user(aws_user.username, aws_user.password)
    again = cognito.login_user(aws_user.username, aws_user.password)

    identity_id = cognito.get_identity_id(tokens)

    assert identity_id == cognito.get_identity_id(again.id_token)
    assert identity_id == cognito.get_iam_credentials(again).identity_id


@pytest.mark.parametrize("kind", ["access", "empty", "text", "deep", "none"])
def test_what_is_no_id_token_is_refused_before_any_request(
    scripted_client: CognitoClient, loopback: Any, signer: Any, kind: str
) -> None:
    wrong: Any = {
        "access": signer.token("access"),
        "empty": "",
        "text": "a.b.c",
        "deep": f"a.{'W1tb' * 5000}.c",
        "none": None,
    }[kind]

    for call in (scripted_client.get_identity_id, scripted_client.get_iam_credentials):
        with pytest.raises(InvalidInputError, match="ID token"):
            call(wrong)

    assert loopback.requests == []


def test_another_pools_user_is_refused(aws: LocalAws, cognito: CognitoClient) -> None:
    other = aws.create_user_pool()
    user = aws.create_user(other)
    stranger = CognitoClient(
        aws.create_identity_pool(other).config(), session=aws.session()
    ).login_user(user.username, user.password)

    with pytest.raises(IdentityRefusedError):
        cognito.get_iam_credentials(stranger)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Invalid login token. Token expired: 1 >= 0", TokenExpiredError),
        ("The ambiguous role mapping rules denied this request", RoleChoiceRequiredError),
        ("Invalid login token. Issuer doesn't match providerName", IdentityRefusedError),
    ],
)
def test_a_refusal_says_why(
    scripted_client: CognitoClient, loopback: Any, signer: Any, message: str, expected: Any
) -> None:
    loopback.default = (400, {"__type": "NotAuthorizedException", "message": message})

    with pytest.raises(expected):
        scripted_client.get_iam_credentials(signer.tokens())


def test_a_role_can_be_chosen(
    scripted_client: CognitoClient, loopback: Any, signer: Any, credentials_answer: Any
) -> None:
    loopback.answers = [(200, {"IdentityId": "eu-west-1:identity"}), credentials_answer("ASIA1")]

    scripted_client.get_iam_credentials(signer.tokens(), custom_role_arn=ROLE)

    assert loopback.requests[1]["CustomRoleArn"] == ROLE
    with pytest.raises(InvalidInputError, match="custom_role_arn"):
        scripted_client.get_iam_credentials(signer.tokens(), custom_role_arn="clerk")
    assert len(loopback.requests) == 2


def test_a_user_of_several_roles_has_to_choose(
    scripted_client: CognitoClient, loopback: Any, signer: Any
) -> None:
    several = signer.tokens(**{"cognito:roles": ROLES})
    loopback.answers = [(200, {"IdentityId": IDENTITY}), REFUSAL]

    with pytest.raises(RoleChoiceRequiredError) as caught:
        scripted_client.get_iam_credentials(several)

    error = caught.value
    assert error.roles == tuple(ROLES)
    assert (error.code, error.operation) == ("NotAuthorizedException", "GetCredentialsForIdentity")
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize(
    ("claims", "options"),
    [
        ({}, {}),
        ({"cognito:roles": ROLES[:1]}, {}),
        ({"cognito:roles": ROLES, "cognito:preferred_role": ROLE}, {}),
        ({"cognito:roles": ROLES}, {"custom_role_arn": "arn:aws:iam::123456789012:role/other"}),
        ({"cognito:roles": "many"}, {}),
    ],
    ids=["none", "one", "preferred", "chosen", "text"],
)
def test_a_refusal_that_no_choice_would_help_is_none_of_roles(
    scripted_client: CognitoClient,
    loopback: Any,
    signer: Any,
    *,
    claims: dict[str, Any],
    options: dict[str, str],
) -> None:
    loopback.answers = [(200, {"IdentityId": IDENTITY}), REFUSAL]

    with pytest.raises(IdentityRefusedError):
        scripted_client.get_iam_credentials(signer.tokens(**claims), **options)


def test_guests_get_credentials_only_where_it_is_said(
    scripted_client: CognitoClient, loopback: Any, credentials_answer: Any
) -> None:
    loopback.answers = [
        (200, {"IdentityId": IDENTITY}),
        credentials_answer("ASIA1"),
        credentials_answer("ASIA2"),
    ]

    guest = scripted_client.get_guest_iam_credentials()
    again = scripted_client.get_guest_iam_credentials(identity_id=IDENTITY)

    assert (guest.access_key_id, again.access_key_id) == ("ASIA1", "ASIA2")
    assert [each["operation"] for each in loopback.requests] == [
        "GetId",
        "GetCredentialsForIdentity",
        "GetCredentialsForIdentity",
    ]
    assert not any("Logins" in each for each in loopback.requests)
    assert loopback.requests[2]["IdentityId"] == IDENTITY


def test_a_guest_whom_the_pool_has_forgotten_is_refused(
    scripted_client: CognitoClient, loopback: Any
) -> None:
    message = f"Identity '{IDENTITY}' not found."
    loopback.default = (400, {"__type": "ResourceNotFoundException", "message": message})

    with pytest.raises(IdentityRefusedError):
        scripted_client.get_guest_iam_credentials(identity_id=IDENTITY)


def test_a_pool_without_guests_refuses_them(cognito: CognitoClient) -> None:
    with pytest.raises(IdentityRefusedError):
        cognito.get_guest_iam_credentials()


@pytest.mark.parametrize("wrong", ["", "guest", "eu-west-1:", "eu-west-1:5F1C", 7])
def test_an_identity_that_is_none_is_refused_before_any_request(
    scripted_client: CognitoClient, loopback: Any, wrong: Any
) -> None:
    with pytest.raises(InvalidInputError, match="identity_id"):
        scripted_client.get_guest_iam_credentials(identity_id=wrong)

    assert loopback.requests == []


@pytest.mark.parametrize(
    "answers",
    [
        [{}],
        [{"IdentityId": IDENTITY}, {}],
        [{"IdentityId": IDENTITY}, {"Credentials": {"AccessKeyId": "ASIA1"}}],
    ],
    ids=["no-identity", "no-credentials", "half"],
)
def test_an_answer_that_lacks_something_is_no_answer(
    scripted_client: CognitoClient, loopback: Any, signer: Any, answers: list[Any]
) -> None:
    loopback.answers = [(200, answer) for answer in answers]

    with pytest.raises(CognitoConnectionError, match="lacks"):
        scripted_client.get_iam_credentials(signer.tokens())
