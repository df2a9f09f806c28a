"""A user pool that refuses what Cognito refuses, written from AWS's API reference and RFC 5054.

See Also:
    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/Welcome.html
    https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-device-tracking.html
"""

import base64
import binascii
import calendar
import functools
import hashlib
import hmac
import json
import re
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, NoReturn

import jwt
import pytest
from boto3.session import Session as BotoSession
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.validate import ParamValidator

from saigon.aws.cognito import CognitoIdp, CognitoIdpConfig

POOL_ID = "eu-west-1_AbCdEfGhI"
CLIENT_ID = "1example23456789"
POOL_NAME = POOL_ID.partition("_")[2]

SESSION_SECONDS = 180
CODE_SECONDS = 3600
TOKEN_SECONDS = 3600
REFRESH_SECONDS = 30 * 86400
PROOF_SECONDS = 300

SCOPE = "aws.cognito.signin.user.admin"
MFA_SETTINGS = {
    "SMSMfaSettings": "SMS_MFA",
    "SoftwareTokenMfaSettings": "SOFTWARE_TOKEN_MFA",
    "EmailMfaSettings": "EMAIL_OTP",
}
# Cognito passes over a name that it does not know; here it is a slip of the caller's.
AUTH_PARAMETERS = {
    "USERNAME", "PASSWORD", "SRP_A", "SECRET_HASH", "DEVICE_KEY", "REFRESH_TOKEN"
}  # fmt: skip
CHALLENGE_RESPONSES = {
    "USERNAME", "SECRET_HASH", "DEVICE_KEY", "SRP_A", "TIMESTAMP", "NEW_PASSWORD", "ANSWER",
    "PASSWORD_CLAIM_SIGNATURE", "PASSWORD_CLAIM_SECRET_BLOCK",
    "SOFTWARE_TOKEN_MFA_CODE", "SMS_MFA_CODE", "EMAIL_OTP_CODE",
}  # fmt: skip
POLICY = {
    ".{8}": "Password not long enough",
    "[a-z]": "Password must have lowercase characters",
    "[A-Z]": "Password must have uppercase characters",
    "[0-9]": "Password must have numeric characters",
    r"[^\w\s]": "Password must have symbol characters",
}

# The 3072-bit group of RFC 3526, with 2 as its generator.
N = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
    "98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
    "9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33"
    "A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864"
    "D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E2"
    "08E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
G = 2
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
TIMESTAMP = re.compile(
    rf"({'|'.join(DAYS)}) ({'|'.join(MONTHS)}) ([1-9]\d?) (\d\d):(\d\d):(\d\d) UTC (\d{{4}})"
)

Body = Mapping[str, Any]
Answer = dict[str, Any]


class RefusedError(Exception):
    """An error that Cognito answers."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


def refuse(code: str, message: str) -> NoReturn:
    raise RefusedError(f"{code}Exception", message)


def need(given: Body, name: str) -> str:
    value: str = given.get(name) or refuse("InvalidParameter", f"Missing required parameter {name}")
    return value


def signed(value: int) -> bytes:
    """Give the two's complement of a positive number, as Java's BigInteger does."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big")


def number(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")


def base64_of(value: bytes) -> str:
    return base64.b64encode(value).decode()


def hexadecimal(text: str, name: str) -> int:
    if not re.fullmatch("[0-9a-fA-F]+", text) or int(text, 16) % N == 0:
        refuse("InvalidParameter", f"Invalid {name}")
    return int(text, 16)


def whole_number(config: Body, name: str) -> int:
    """Read a number as Java does: one whose first bit is set is negative, so it is refused."""
    try:
        value = int.from_bytes(
            base64.b64decode(config.get(name, ""), validate=True), "big", signed=True
        )
    except binascii.Error:
        value = 0
    if not 0 < value < N:
        refuse("InvalidParameter", f"Invalid {name} in the device's verifier")
    return value


def timestamp(text: str) -> int:
    match = TIMESTAMP.fullmatch(text)
    if match is None:
        refuse(
            "InvalidParameter", "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english"
        )
    weekday, month, *numbers = match.groups()
    day, hour, minute, second, year = map(int, numbers)
    moment = calendar.timegm((year, MONTHS.index(month) + 1, day, hour, minute, second))
    if DAYS[time.gmtime(moment).tm_wday] != weekday or time.gmtime(moment).tm_mday != day:
        refuse("InvalidParameter", "TIMESTAMP is no day of the calendar")
    return moment


def totp(secret: str, step: int) -> str:
    """Return the six digits of RFC 6238, with SHA-1."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"


def conforming(password: str) -> str:
    for pattern, message in POLICY.items():
        if not re.search(pattern, password, re.DOTALL):
            refuse("InvalidPassword", f"Password did not conform with policy: {message}")
    return password


@functools.cache
def service() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("cognito-idp", "service-2"), "cognito-idp")


def check_shape(model: OperationModel, body: Any) -> None:
    """Refuse what the published model of the operation does not allow."""
    shape: Any = model.input_shape
    report = ParamValidator().validate(body, shape)
    if report.has_errors():
        refuse("InvalidParameter", report.generate_report())
    for name, value in body.items():
        facts = shape.members[name].metadata
        if isinstance(value, str) and (
            len(value) > facts.get("max", len(value)) or value not in facts.get("enum", [value])
        ):
            refuse("InvalidParameter", f"Value at '{name}' failed to satisfy constraint")


class SrpServer:
    """One attempt to prove a password, of a user or of a device."""

    def __init__(self, whose: str, salt: int, verifier: int, public_a: int) -> None:
        b = secrets.randbits(256)
        k = number(signed(N), signed(G))
        self.whose, self.salt = whose, salt
        self.public = (k * verifier + pow(G, b, N)) % N
        self.block = secrets.token_bytes(1000)
        u = number(signed(public_a), signed(self.public))
        shared = pow(public_a * pow(verifier, u, N), b, N)
        extracted = hmac.digest(signed(u), signed(shared), "sha256")
        self._key = hmac.digest(extracted, b"Caldera Derived Key\x01", "sha256")[:16]

    @staticmethod
    def verifier(whose: str, password: str, salt: int) -> int:
        identity = hashlib.sha256(f"{whose}:{password}".encode()).digest()
        return pow(G, number(signed(salt), identity), N)

    def accepts(self, signature: str, moment: str) -> bool:
        message = self.whose.encode() + self.block + moment.encode()
        expected = base64_of(hmac.digest(self._key, message, "sha256"))
        return hmac.compare_digest(expected.encode(), signature.encode())


@dataclass(eq=False)
class Device:
    key: str
    group_key: str
    salt: int = 0
    verifier: int = 0  # until the device is confirmed
    name: str | None = None
    remembered: bool = False


@dataclass(eq=False)
class User:
    username: str
    password: str
    status: str = "CONFIRMED"
    attributes: dict[str, str] = field(default_factory=dict)
    enabled: bool = True
    totp_secret: str | None = None
    pending_totp_secret: str | None = None
    mfa_methods: list[str] = field(default_factory=list)
    preferred_mfa: str | None = None
    devices: dict[str, Device] = field(default_factory=dict)
    sent_code: str = ""
    codes: dict[str, tuple[str, float]] = field(default_factory=dict)
    used_totp: set[tuple[str, int]] = field(default_factory=set)
    salt: int = field(default_factory=lambda: secrets.randbits(128) | 1)
    created: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self.attributes.setdefault("sub", str(uuid.uuid4()))

    def pairs(self) -> list[dict[str, str]]:
        return [{"Name": name, "Value": value} for name, value in self.attributes.items()]


@dataclass(frozen=True)
class Session:
    """How far a sign-in has come."""

    user: User
    by_admin: bool
    challenge: str = ""
    made: float = 0
    told: bool = False  # of the real username
    device_key: str | None = None
    srp: SrpServer | None = None
    totp_secret: str | None = None
    totp_verified: bool = False


@dataclass(eq=False)
class Family:
    """The tokens of one sign-in."""

    user: User
    device_key: str | None
    issued: float
    current: str = ""
    revoked: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(eq=False)
class Fault:
    code: str
    message: str
    times: int
    after: bool


class StrictUserPool:
    """One pool with one app client; what a test may look at or set are public attributes."""

    def __init__(
        self,
        signer: Any,
        *,
        client_secret: str | None = None,
        mfa: Literal["OFF", "OPTIONAL", "ON"] = "OFF",
        rotation: bool = False,
        device_tracking: bool = False,
        user_opt_in_devices: bool = False,
    ) -> None:
        self.client_secret, self.mfa, self.rotation = client_secret, mfa, rotation
        self.device_tracking, self.user_opt_in_devices = device_tracking, user_opt_in_devices
        self.clock_offset = 0.0
        self.requests: list[tuple[str, Any]] = []
        self.users: dict[str, User] = {}
        self.sessions: dict[str, Session] = {}
        self._families: dict[str, Family] = {}
        self._faults: dict[str, list[Fault]] = {}
        self._signer = signer
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.002,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def now(self) -> float:
        return time.time() + self.clock_offset

    def add_user(
        self,
        username: str,
        password: str,
        *,
        email: str | None = None,
        status: str = "CONFIRMED",
        totp_secret: str | None = None,
        mfa_methods: Collection[str] = (),
        preferred_mfa: str | None = None,
    ) -> User:
        attributes = {} if email is None else {"email": email, "email_verified": "true"}
        user = User(
            username,
            password,
            status,
            attributes,
            totp_secret=totp_secret,
            mfa_methods=list(mfa_methods),
            preferred_mfa=preferred_mfa,
        )
        with self._lock:
            self.users[username] = user
        return user

    def fail(
        self,
        operation: str,
        code: str,
        message: str = "",
        *,
        times: int = 1,
        after: bool = False,
    ) -> None:
        """Answer an error; or, ``after`` the operation took effect, close without an answer."""
        with self._lock:
            self._faults.setdefault(operation, []).append(Fault(code, message, times, after))

    def count(self, operation: str) -> int:
        return sum(name == operation for name, _ in self.requests)

    def handle(self, operation: str, body: Any, *, is_signed: bool) -> tuple[int, Answer] | None:
        with self._lock:
            self.requests.append((operation, body))
            fault = self._next_fault(operation)
            try:
                _check_fault(fault)
                answer = self._perform(operation, body, is_signed=is_signed)
            except RefusedError as error:
                status = 500 if error.code == "InternalErrorException" else 400
                refusal = {"__type": error.code, "message": error.message}
                return None if fault and fault.after else (status, refusal)
            return None if fault else (200, answer)

    def _next_fault(self, operation: str) -> Fault | None:
        waiting = self._faults.get(operation, [])
        if not waiting:
            return None
        waiting[0].times -= 1
        return waiting[0] if waiting[0].times else waiting.pop(0)

    def _perform(self, operation: str, body: Any, *, is_signed: bool) -> Answer:
        method = getattr(self, f"_do_{xform_name(operation)}", None)
        if method is None or operation not in service().operation_names:
            refuse("UnknownOperation", operation)
        model = service().operation_model(operation)
        if operation.startswith("Admin") and not is_signed:
            refuse("MissingAuthenticationToken", "Missing Authentication Token")
        check_shape(model, body)
        for name, own, kind in (
            ("UserPoolId", POOL_ID, "User pool"),
            ("ClientId", CLIENT_ID, "User pool client"),
        ):
            if body.get(name, own) != own:
                refuse("ResourceNotFound", f"{kind} {body[name]} does not exist.")
        answer: Answer = method(body) or {}
        return answer

    # Who is meant, and may they?

    def _find(self, name: str) -> User | None:
        return self.users.get(name) or self._owner(name)

    def _owner(self, email: str) -> User | None:
        for user in self.users.values():
            if user.attributes.get("email") == email and _has_verified_email(user):
                return user
        return None

    def _existing(self, name: str) -> User:
        return self._find(name) or refuse("UserNotFound", "User does not exist.")

    def _check_hash(self, name: str, given: str | None, *, mismatch: str | None = None) -> None:
        if self.client_secret is not None and given is None:
            refuse(
                "NotAuthorized",
                f"Client {CLIENT_ID} is configured with secret but SECRET_HASH was not received",
            )
        key = (self.client_secret or "").encode()
        digest = base64_of(hmac.digest(key, (name + CLIENT_ID).encode(), "sha256"))
        if given != (None if self.client_secret is None else digest):
            refuse(
                "NotAuthorized",
                mismatch or f"Unable to verify secret hash for client {CLIENT_ID}",
            )

    def _access(self, body: Body) -> User:
        try:
            claims = jwt.decode(
                need(body, "AccessToken"),
                self._signer.key.public_key(),
                algorithms=["RS256"],
                options={"verify_aud": False, "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            refuse("NotAuthorized", "Invalid Access Token")
        family = next((f for f in self._families.values() if f.id == claims["origin_jti"]), None)
        if claims["token_use"] != "access" or family is None:
            refuse("NotAuthorized", "Invalid Access Token")
        if claims["exp"] <= self.now():
            refuse("NotAuthorized", "Access Token has expired")
        if family.revoked:
            refuse("NotAuthorized", "Access Token has been revoked")
        if self.users.get(family.user.username) is not family.user:
            refuse("UserNotFound", "User does not exist.")
        _check_enabled(family.user)
        return family.user

    # Signing in.

    def _do_initiate_auth(self, body: Body) -> Answer:
        return self._initiate(body, {"USER_PASSWORD_AUTH", "USER_SRP_AUTH"}, by_admin=False)

    def _do_admin_initiate_auth(self, body: Body) -> Answer:
        return self._initiate(body, {"ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH"}, by_admin=True)

    def _initiate(self, body: Body, flows: Collection[str], *, by_admin: bool) -> Answer:
        flow, given = body["AuthFlow"], body.get("AuthParameters", {})
        _check_names(given, AUTH_PARAMETERS)
        if flow in {"REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"}:
            return self._refresh(given)
        if flow not in flows:
            refuse("InvalidParameter", "Initiate Auth method not supported.")
        name = need(given, "USERNAME")
        self._check_hash(name, given.get("SECRET_HASH"))
        # As with PreventUserExistenceErrors: an unknown user is asked like any other.
        user = self._find(name) or User(name, secrets.token_urlsafe(), "UNKNOWN")
        session = Session(user, by_admin)
        if flow == "USER_SRP_AUTH":
            return self._ask_for_proof(session, need(given, "SRP_A"))
        if need(given, "PASSWORD") != user.password:
            _wrong_password()
        return self._after_password(replace(session, device_key=given.get("DEVICE_KEY")))

    def _ask_for_proof(self, session: Session, public_a: str) -> Answer:
        user, whose = session.user, POOL_NAME + session.user.username
        verifier = SrpServer.verifier(whose, user.password, user.salt)
        srp = SrpServer(whose, user.salt, verifier, hexadecimal(public_a, "SRP_A"))
        told = {"USERNAME": user.username, "USER_ID_FOR_SRP": user.username}
        return self._ask_to_verify(session, "PASSWORD_VERIFIER", srp, told)

    def _ask_to_verify(
        self, session: Session, challenge: str, srp: SrpServer, parameters: dict[str, str]
    ) -> Answer:
        """Give no session: the block stands for it, as in Cognito's USER_SRP_AUTH."""
        block = base64_of(srp.block)
        self.sessions[block] = replace(
            session, challenge=challenge, srp=srp, made=self.now(), told=True
        )
        numbers = {"SALT": f"{srp.salt:x}", "SRP_B": f"{srp.public:x}", "SECRET_BLOCK": block}
        return {"ChallengeName": challenge, "ChallengeParameters": {**parameters, **numbers}}

    def _challenge(self, session: Session, challenge: str, **parameters: str) -> Answer:
        """Ask for more; the real name is told with the first challenge only."""
        told = {} if session.told else {"USER_ID_FOR_SRP": session.user.username}
        return {
            "ChallengeName": challenge,
            "Session": self._keep(replace(session, challenge=challenge, told=True)),
            "ChallengeParameters": {**told, **parameters},
        }

    def _keep(self, session: Session) -> str:
        key = secrets.token_urlsafe(90)
        self.sessions[key] = replace(session, made=self.now())
        return key

    def _session(self, key: str, challenge: str) -> Session:
        session = self.sessions.get(key)
        if session is None:
            refuse("NotAuthorized", "Invalid session for the user, session can only be used once.")
        if self.now() - session.made > SESSION_SECONDS:
            refuse("NotAuthorized", "Invalid session for the user, session is expired.")
        if session.challenge != challenge:
            refuse("NotAuthorized", "Invalid session for the user.")
        return session

    def _do_respond_to_auth_challenge(self, body: Body) -> Answer:
        return self._respond(body, by_admin=False)

    def _do_admin_respond_to_auth_challenge(self, body: Body) -> Answer:
        return self._respond(body, by_admin=True)

    def _respond(self, body: Body, *, by_admin: bool) -> Answer:
        challenge, given = body["ChallengeName"], body.get("ChallengeResponses", {})
        _check_names(given, CHALLENGE_RESPONSES, prefix="userAttributes.")
        name = need(given, "USERNAME")
        self._check_hash(name, given.get("SECRET_HASH"))
        step = getattr(self, f"_answer_{challenge.lower()}", None)
        if step is None:
            refuse("InvalidParameter", f"Challenge {challenge} is not supported.")
        proof = challenge.endswith("PASSWORD_VERIFIER")
        key = need(given, "PASSWORD_CLAIM_SECRET_BLOCK") if proof else need(body, "Session")
        session = self._session(key, challenge)
        if session.by_admin != by_admin or not self._is(name, session.user):
            refuse("NotAuthorized", "Invalid session for the user.")
        if proof:  # one guess for each; a wrong code may be corrected
            del self.sessions[key]
        session = replace(session, device_key=given.get("DEVICE_KEY", session.device_key))
        answer: Answer = step(session, given)
        self.sessions.pop(key, None)
        return answer

    def _is(self, name: str, user: User) -> bool:
        return name == user.username or self._find(name) is user

    def _answer_password_verifier(self, session: Session, given: Body) -> Answer:
        self._check_proof(session, given)
        return self._after_password(session)

    def _check_proof(self, session: Session, given: Body) -> None:
        moment = need(given, "TIMESTAMP")
        is_fresh = abs(timestamp(moment) - self.now()) <= PROOF_SECONDS
        signature = need(given, "PASSWORD_CLAIM_SIGNATURE")
        if session.srp is None or not session.srp.accepts(signature, moment) or not is_fresh:
            _wrong_password()

    def _after_password(self, session: Session) -> Answer:
        user = session.user
        _check_enabled(user)
        if user.status == "UNCONFIRMED":
            refuse("UserNotConfirmed", "User is not confirmed.")
        if user.status == "RESET_REQUIRED":
            refuse("PasswordResetRequired", "Password reset required for the user")
        if user.status == "FORCE_CHANGE_PASSWORD":
            known = {name: value for name, value in user.attributes.items() if name != "sub"}
            return self._challenge(
                session,
                "NEW_PASSWORD_REQUIRED",
                requiredAttributes="[]",
                userAttributes=json.dumps(known),
            )
        return self._second_factor(session)

    def _answer_new_password_required(self, session: Session, given: Body) -> Answer:
        user = session.user
        prefix = "userAttributes."
        changed = {
            name.removeprefix(prefix): value
            for name, value in given.items()
            if name.startswith(prefix)
        }
        _check_writable(changed)
        user.password = conforming(need(given, "NEW_PASSWORD"))
        user.status = "CONFIRMED"
        user.attributes.update(changed)
        return self._second_factor(session)

    def _second_factor(self, session: Session) -> Answer:
        user, device = session.user, self._device_of(session)
        if self.mfa == "OFF" or (device is not None and device.remembered):
            return self._device_or_tokens(session)
        if user.preferred_mfa in user.mfa_methods:
            return self._ask_for_code(session, user.preferred_mfa)
        if len(user.mfa_methods) > 1:
            return self._challenge(
                session, "SELECT_MFA_TYPE", MFAS_CAN_CHOOSE=json.dumps(user.mfa_methods)
            )
        if user.mfa_methods:
            return self._ask_for_code(session, user.mfa_methods[0])
        if self.mfa == "ON":
            return self._challenge(session, "MFA_SETUP", MFAS_CAN_SETUP='["SOFTWARE_TOKEN_MFA"]')
        return self._device_or_tokens(session)

    def _ask_for_code(self, session: Session, method: str) -> Answer:
        if method == "SOFTWARE_TOKEN_MFA":
            return self._challenge(session, method)
        attribute = "email" if method == "EMAIL_OTP" else "phone_number"
        sent = self._send(session.user, method, attribute, digits=8 if attribute == "email" else 6)
        return self._challenge(
            session,
            method,
            CODE_DELIVERY_DELIVERY_MEDIUM=sent["DeliveryMedium"],
            CODE_DELIVERY_DESTINATION=sent["Destination"],
        )

    def _answer_select_mfa_type(self, session: Session, given: Body) -> Answer:
        if need(given, "ANSWER") not in session.user.mfa_methods:
            refuse("InvalidParameter", "ANSWER is none of MFAS_CAN_CHOOSE")
        return self._ask_for_code(session, given["ANSWER"])

    def _answer_software_token_mfa(self, session: Session, given: Body) -> Answer:
        user, code = session.user, need(given, "SOFTWARE_TOKEN_MFA_CODE")
        if not self._is_totp(user, user.totp_secret, code):
            refuse("CodeMismatch", "Invalid code received for user")
        return self._device_or_tokens(session)

    def _answer_sms_mfa(self, session: Session, given: Body) -> Answer:
        self._check_code(session.user, "SMS_MFA", need(given, "SMS_MFA_CODE"))
        return self._device_or_tokens(session)

    def _answer_email_otp(self, session: Session, given: Body) -> Answer:
        self._check_code(session.user, "EMAIL_OTP", need(given, "EMAIL_OTP_CODE"))
        return self._device_or_tokens(session)

    def _answer_mfa_setup(self, session: Session, given: Body) -> Answer:
        if not session.totp_verified:
            refuse("SoftwareTokenMFANotFound", "The user has no verified software token")
        return self._device_or_tokens(session)

    # Devices.

    def _device_of(self, session: Session) -> Device | None:
        if not self.device_tracking or session.device_key is None:
            return None
        return _confirmed_device(session.user, session.device_key)

    def _device_or_tokens(self, session: Session) -> Answer:
        if self._device_of(session) is not None:
            return self._challenge(session, "DEVICE_SRP_AUTH")
        return self._sign_in(session)

    def _answer_device_srp_auth(self, session: Session, given: Body) -> Answer:
        device = _confirmed_device(session.user, need(given, "DEVICE_KEY"))
        whose = device.group_key + device.key
        public_a = hexadecimal(need(given, "SRP_A"), "SRP_A")
        srp = SrpServer(whose, device.salt, device.verifier, public_a)
        told = {"USERNAME": session.user.username, "DEVICE_KEY": device.key}
        return self._ask_to_verify(session, "DEVICE_PASSWORD_VERIFIER", srp, told)

    def _answer_device_password_verifier(self, session: Session, given: Body) -> Answer:
        device = _confirmed_device(session.user, need(given, "DEVICE_KEY"))
        if session.srp is None or session.srp.whose != device.group_key + device.key:
            _wrong_password()
        self._check_proof(session, given)
        return self._sign_in(session)

    def _do_confirm_device(self, body: Body) -> Answer:
        device = _device(self._access(body), body["DeviceKey"])
        if device.verifier:
            refuse("DeviceKeyExists", "Device already exists.")
        config = body.get("DeviceSecretVerifierConfig", {})
        salt = whole_number(config, "Salt")
        device.verifier = whole_number(config, "PasswordVerifier")
        device.salt, device.name = salt, body.get("DeviceName")
        device.remembered = not self.user_opt_in_devices
        return {"UserConfirmationNecessary": self.user_opt_in_devices}

    def _do_update_device_status(self, body: Body) -> None:
        device = _confirmed_device(self._access(body), body["DeviceKey"])
        device.remembered = need(body, "DeviceRememberedStatus") == "remembered"

    def _do_forget_device(self, body: Body) -> None:
        user = self._access(body)
        del user.devices[_confirmed_device(user, body["DeviceKey"]).key]

    # Tokens.

    def _sign_in(self, session: Session) -> Answer:
        user, more = session.user, {}
        device_key = session.device_key if self.device_tracking else None
        if self.device_tracking and device_key is None:
            device = Device(f"eu-west-1_{uuid.uuid4()}", f"-{secrets.token_hex(4)}")
            user.devices[device.key], device_key = device, device.key
            metadata = {"DeviceKey": device.key, "DeviceGroupKey": device.group_key}
            more["NewDeviceMetadata"] = metadata
        family = Family(user, device_key, self.now())
        return self._result(family, RefreshToken=self._refresh_token(family), **more)

    def _refresh_token(self, family: Family) -> str:
        family.current = secrets.token_urlsafe(300)
        self._families[family.current] = family
        return family.current

    def _result(self, family: Family, **more: Any) -> Answer:
        user, now = family.user, int(self.now())
        common = {"sub": user.attributes["sub"], "origin_jti": family.id, "iat": now}
        common |= {"auth_time": int(family.issued), "exp": now + TOKEN_SECONDS}
        device = {} if family.device_key is None else {"device_key": family.device_key}
        identity: dict[str, Any] = {"cognito:username": user.username}
        if "email" in user.attributes:
            identity["email"] = user.attributes["email"]
            identity["email_verified"] = _has_verified_email(user)
        token = self._signer.token
        result = {
            "AccessToken": token(
                "access",
                **common, **device, username=user.username, scope=SCOPE, jti=str(uuid.uuid4()),
            ),
            "IdToken": token("id", **common, **identity, jti=str(uuid.uuid4())),
            "ExpiresIn": TOKEN_SECONDS,
            "TokenType": "Bearer",
            **more,
        }  # fmt: skip
        return {"AuthenticationResult": result, "ChallengeParameters": {}}

    def _family(self, token: str, device_key: str | None) -> Family:
        family = self._families.get(token)
        if family is None or self.users.get(family.user.username) is not family.user:
            refuse("NotAuthorized", "Invalid Refresh Token.")
        if family.revoked:
            refuse("NotAuthorized", "Refresh Token has been revoked")
        if self.now() - family.issued > REFRESH_SECONDS:
            refuse("NotAuthorized", "Refresh Token has expired")
        _check_enabled(family.user)
        expected = family.device_key
        if expected is not None and (expected != device_key or expected not in family.user.devices):
            refuse("NotAuthorized", "Invalid Refresh Token.")
        return family

    def _refresh(self, given: Body) -> Answer:
        if self.rotation:
            refuse("InvalidParameter", "REFRESH_TOKEN_AUTH is not enabled with token rotation")
        family = self._family(need(given, "REFRESH_TOKEN"), given.get("DEVICE_KEY"))
        self._check_hash(
            family.user.username,
            given.get("SECRET_HASH"),
            mismatch=f"SecretHash does not match for the client: {CLIENT_ID}",
        )
        return self._result(family)

    def _do_get_tokens_from_refresh_token(self, body: Body) -> Answer:
        if body.get("ClientSecret") != self.client_secret:
            refuse("NotAuthorized", f"Unable to verify secret of client {CLIENT_ID}")
        token = body["RefreshToken"]
        family = self._family(token, body.get("DeviceKey"))
        if not self.rotation:
            renewed = self._result(family)
        elif family.current == token:
            renewed = self._result(family, RefreshToken=self._refresh_token(family))
        else:
            family.revoked = True
            refuse("RefreshTokenReuse", "Refresh Token has been used before")
        return {"AuthenticationResult": renewed["AuthenticationResult"]}

    def _do_revoke_token(self, body: Body) -> None:
        if body.get("ClientSecret") != self.client_secret:
            refuse("Unauthorized", f"Unable to verify secret of client {CLIENT_ID}")
        if body["Token"].count(".") == 2:
            refuse("UnsupportedTokenType", "Only a refresh token can be revoked")
        if body["Token"] not in self._families:
            refuse("InvalidParameter", "Invalid Refresh Token.")
        self._families[body["Token"]].revoked = True

    def _do_global_sign_out(self, body: Body) -> None:
        self._sign_out(self._access(body))

    def _do_admin_user_global_sign_out(self, body: Body) -> None:
        self._sign_out(self._existing(body["Username"]))

    def _sign_out(self, user: User) -> None:
        for family in self._families.values():
            family.revoked |= family.user is user

    # Software tokens and preferences.

    def _do_associate_software_token(self, body: Body) -> Answer:
        secret = base64.b32encode(secrets.token_bytes(32)).decode().rstrip("=")
        if _is_by_access_token(body):
            self._access(body).pending_totp_secret = secret
            return {"SecretCode": secret}
        session = self._session(body["Session"], "MFA_SETUP")
        del self.sessions[body["Session"]]
        kept = self._keep(replace(session, totp_secret=secret, totp_verified=False))
        return {"SecretCode": secret, "Session": kept}

    def _do_verify_software_token(self, body: Body) -> Answer:
        if _is_by_access_token(body):
            user = self._access(body)
            self._accept_totp(user, user.pending_totp_secret, body["UserCode"])
            return {"Status": "SUCCESS"}
        session = self._session(body["Session"], "MFA_SETUP")
        self._accept_totp(session.user, session.totp_secret, body["UserCode"])
        del self.sessions[body["Session"]]
        session.user.mfa_methods.append("SOFTWARE_TOKEN_MFA")
        return {"Status": "SUCCESS", "Session": self._keep(replace(session, totp_verified=True))}

    def _accept_totp(self, user: User, secret: str | None, code: str) -> None:
        if not self._is_totp(user, secret, code):
            refuse("EnableSoftwareTokenMFA", "Code mismatch")
        user.totp_secret, user.pending_totp_secret = secret, None

    def _is_totp(self, user: User, secret: str | None, code: str) -> bool:
        if secret is None:
            refuse("SoftwareTokenMFANotFound", "The user has no software token")
        now = int(self.now()) // 30
        step = next((each for each in (now, now - 1, now + 1) if totp(secret, each) == code), None)
        if step is None:
            return False
        if (secret, step) in user.used_totp:
            refuse("ExpiredCode", "Your software token has already been used once.")
        user.used_totp.add((secret, step))
        return True

    def _do_set_user_mfa_preference(self, body: Body) -> None:
        self._set_mfa(self._access(body), body)

    def _do_admin_set_user_mfa_preference(self, body: Body) -> None:
        self._set_mfa(self._existing(body["Username"]), body)

    def _set_mfa(self, user: User, body: Body) -> None:
        settings = {MFA_SETTINGS[name]: body[name] for name in MFA_SETTINGS if name in body}
        if self.mfa == "OFF" or "WebAuthnMfaSettings" in body:
            refuse("InvalidParameter", "User pool does not have this MFA configuration")
        on = {method for method, setting in settings.items() if setting.get("Enabled")}
        preferred = {method for method, setting in settings.items() if setting.get("PreferredMfa")}
        if len(preferred) > 1 or not preferred <= on:
            refuse("InvalidParameter", "One enabled MFA method can be preferred")
        if "SOFTWARE_TOKEN_MFA" in on and user.totp_secret is None:
            refuse("InvalidParameter", "User has not verified software token mfa")
        for method, attribute in (("SMS_MFA", "phone_number"), ("EMAIL_OTP", "email")):
            if method in on and attribute not in user.attributes:
                refuse("InvalidParameter", f"No delivery config to turn on {method}")
        others = [method for method in user.mfa_methods if method not in settings]
        user.mfa_methods = others + sorted(on)
        if preferred or user.preferred_mfa not in user.mfa_methods:
            user.preferred_mfa = next(iter(preferred), None)

    # A user's own account.

    def _do_get_user(self, body: Body) -> Answer:
        return self._described(self._access(body), "UserAttributes")

    def _do_admin_get_user(self, body: Body) -> Answer:
        user = self._existing(body["Username"])
        return {**self._described(user, "UserAttributes"), **_state(user)}

    def _described(self, user: User, attributes: str) -> Answer:
        mfa: Answer = {"UserMFASettingList": user.mfa_methods} if user.mfa_methods else {}
        if user.preferred_mfa:
            mfa["PreferredMfaSetting"] = user.preferred_mfa
        return {"Username": user.username, attributes: user.pairs(), **mfa}

    def _do_delete_user(self, body: Body) -> None:
        del self.users[self._access(body).username]

    def _do_change_password(self, body: Body) -> None:
        user = self._access(body)
        if need(body, "PreviousPassword") != user.password:
            _wrong_password()
        user.password = conforming(body["ProposedPassword"])

    def _do_update_user_attributes(self, body: Body) -> Answer:
        user = self._access(body)
        changed = _attributes(body)
        _check_writable(changed)
        if self._owner(changed.get("email", "")) not in {None, user}:
            refuse("AliasExists", "An account with the given email already exists.")
        is_new_email = changed.get("email", "") not in {"", user.attributes.get("email")}
        user.attributes.update(changed)
        if not is_new_email:
            return {}
        user.attributes["email_verified"] = "false"
        return {"CodeDeliveryDetailsList": [self._send(user, "verify:email", "email")]}

    def _do_delete_user_attributes(self, body: Body) -> None:
        user, names = self._access(body), set(body["UserAttributeNames"])
        _check_writable(names)
        for name in names | {f"{name}_verified" for name in names}:
            user.attributes.pop(name, None)

    def _do_get_user_attribute_verification_code(self, body: Body) -> Answer:
        user, name = self._access(body), body["AttributeName"]
        if name not in {"email", "phone_number"} or name not in user.attributes:
            refuse("InvalidParameter", f"Attribute {name} cannot be verified")
        return {"CodeDeliveryDetails": self._send(user, f"verify:{name}", name)}

    def _do_verify_user_attribute(self, body: Body) -> None:
        user, name = self._access(body), body["AttributeName"]
        self._check_code(user, f"verify:{name}", body["Code"])
        user.attributes[f"{name}_verified"] = "true"

    def _send(self, user: User, purpose: str, attribute: str, *, digits: int = 6) -> dict[str, str]:
        user.sent_code = f"{secrets.randbelow(10**digits):0{digits}d}"
        user.codes[purpose] = user.sent_code, self.now()
        return _delivery(attribute)

    def _check_code(self, user: User, purpose: str, code: str) -> None:
        expected, sent = user.codes.get(purpose, ("", 0.0))
        if self.now() - sent > CODE_SECONDS:
            refuse("ExpiredCode", "Invalid code provided, please request a code again.")
        if code != expected:
            refuse("CodeMismatch", "Invalid verification code provided, please try again.")
        del user.codes[purpose]

    # Signing up, and a forgotten password.

    def _named(self, body: Body) -> User | None:
        self._check_hash(body["Username"], body.get("SecretHash"))
        return self._find(body["Username"])

    def _check_new_name(self, name: str, message: str) -> None:
        if "@" in name:
            refuse("InvalidParameter", "Username cannot be of email format.")
        if name in self.users:
            refuse("UsernameExists", message)

    def _do_sign_up(self, body: Body) -> Answer:
        name, attributes = body["Username"], _attributes(body)
        self._check_hash(name, body.get("SecretHash"))
        self._check_new_name(name, "User already exists")
        _check_writable(attributes)
        password = conforming(need(body, "Password"))
        user = self.users[name] = User(name, password, "UNCONFIRMED", attributes)
        sent = self._confirmation(user)
        return {"UserConfirmed": False, "UserSub": user.attributes["sub"], **sent}

    def _confirmation(self, user: User) -> Answer:
        if "email" not in user.attributes:
            return {}
        return {"CodeDeliveryDetails": self._send(user, "sign-up", "email")}

    def _do_confirm_sign_up(self, body: Body) -> None:
        user = self._named(body)
        if user is None:
            refuse("ExpiredCode", "Invalid code provided, please request a code again.")
        if user.status != "UNCONFIRMED":
            refuse("NotAuthorized", f"User cannot be confirmed. Current status is {user.status}")
        owner = self._owner(user.attributes.get("email", ""))
        if owner is not None and not body.get("ForceAliasCreation"):
            refuse("AliasExists", "An account with the given email already exists.")
        self._check_code(user, "sign-up", body["ConfirmationCode"])
        if owner is not None:
            owner.attributes["email_verified"] = "false"
        user.status, user.attributes["email_verified"] = "CONFIRMED", "true"

    def _do_resend_confirmation_code(self, body: Body) -> Answer:
        user = self._named(body)
        if user is None or not user.enabled:
            return {"CodeDeliveryDetails": _delivery("email")}
        if user.status != "UNCONFIRMED":
            refuse("InvalidParameter", "User is already confirmed.")
        return self._confirmation(user)

    def _do_forgot_password(self, body: Body) -> Answer:
        user = self._named(body)
        if user is None or not user.enabled or not _has_verified_email(user):
            return {"CodeDeliveryDetails": _delivery("email")}
        if user.status == "FORCE_CHANGE_PASSWORD":
            refuse("NotAuthorized", "User password cannot be reset in the current state.")
        return {"CodeDeliveryDetails": self._send(user, "forgot", "email")}

    def _do_confirm_forgot_password(self, body: Body) -> None:
        user = self._named(body)
        if user is None or not user.enabled:
            refuse("CodeMismatch", "Invalid verification code provided, please try again.")
        password = conforming(body["Password"])
        self._check_code(user, "forgot", body["ConfirmationCode"])
        user.password, user.status = password, "CONFIRMED"

    # What an administrator does.

    def _do_admin_create_user(self, body: Body) -> Answer:
        name, attributes = body["Username"], _attributes(body)
        if body.get("MessageAction") == "RESEND":
            return {"User": {**self._described(self._existing(name), "Attributes")}}
        self._check_new_name(name, "User account already exists")
        if attributes.get("email_verified") == "true" and self._owner(attributes.get("email", "")):
            refuse("UsernameExists", "An account with the email already exists.")
        password = conforming(body.get("TemporaryPassword") or f"aA1!{secrets.token_urlsafe()}")
        user = self.users[name] = User(name, password, "FORCE_CHANGE_PASSWORD", attributes)
        return {"User": {**self._described(user, "Attributes"), **_state(user)}}

    def _do_admin_set_user_password(self, body: Body) -> None:
        user = self._existing(body["Username"])
        user.password = conforming(body["Password"])
        user.status = "CONFIRMED" if body.get("Permanent") else "FORCE_CHANGE_PASSWORD"

    def _do_admin_delete_user(self, body: Body) -> None:
        del self.users[self._existing(body["Username"]).username]


def _check_fault(fault: Fault | None) -> None:
    if fault and not fault.after:
        raise RefusedError(fault.code, fault.message)


def _wrong_password() -> NoReturn:
    refuse("NotAuthorized", "Incorrect username or password.")


def _check_enabled(user: User) -> None:
    if not user.enabled:
        refuse("NotAuthorized", "User is disabled.")


def _check_names(given: Body, known: Collection[str], *, prefix: str | None = None) -> None:
    for name in given:
        if name not in known and not (prefix and name.startswith(prefix)):
            refuse("InvalidParameter", f"Unknown parameter {name}")


def _check_writable(names: Collection[str]) -> None:
    for name in names:
        if name == "sub" or name.endswith("_verified"):
            refuse("NotAuthorized", "A client attempted to write unauthorized attribute")


def _has_verified_email(user: User) -> bool:
    return "email" in user.attributes and user.attributes.get("email_verified") == "true"


def _attributes(body: Body) -> dict[str, str]:
    return {pair["Name"]: pair.get("Value", "") for pair in body.get("UserAttributes", ())}


def _delivery(attribute: str) -> dict[str, str]:
    by_email = attribute == "email"
    return {
        "Destination": "a***@e***" if by_email else "+*******0123",
        "DeliveryMedium": "EMAIL" if by_email else "SMS",
        "AttributeName": attribute,
    }


def _state(user: User) -> Answer:
    dates = {"UserCreateDate": user.created, "UserLastModifiedDate": user.created}
    return {"Enabled": user.enabled, "UserStatus": user.status, **dates}


def _device(user: User, key: str) -> Device:
    return user.devices.get(key) or refuse("ResourceNotFound", "Device does not exist.")


def _confirmed_device(user: User, key: str) -> Device:
    device = _device(user, key)
    return device if device.verifier else refuse("ResourceNotFound", "Device does not exist.")


def _is_by_access_token(body: Body) -> bool:
    if ("AccessToken" in body) == ("Session" in body):
        refuse("InvalidParameter", "Only one of AccessToken and Session must be present")
    return "AccessToken" in body


def _handler(pool: StrictUserPool) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            service_name, _, operation = self.headers.get("X-Amz-Target", "").partition(".")
            if service_name != "AWSCognitoIdentityProviderService":
                operation = ""
            is_signed = self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 ")
            answer = pool.handle(operation, json.loads(body or b"{}"), is_signed=is_signed)
            if answer is None:
                return  # the connection closes without a word
            payload = json.dumps(answer[1]).encode()
            self.send_response_only(answer[0])
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(payload)))
            self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
            """Keep silent."""

    return Handler


@pytest.fixture
def make_pool(signer: Any) -> Iterator[Callable[..., StrictUserPool]]:
    """Make pools that are stopped at the end of the test."""
    pools: list[StrictUserPool] = []

    def make(**options: Any) -> StrictUserPool:
        pools.append(StrictUserPool(signer, **options))
        pools[-1].start()
        return pools[-1]

    yield make
    for pool in pools:
        pool.stop()


@pytest.fixture
def secret_hash() -> Callable[[str, str], str]:
    """Compute ``SECRET_HASH`` of a client secret and the name that is sent."""

    def compute(secret: str, name: str) -> str:
        return base64_of(hmac.digest(secret.encode(), (name + CLIENT_ID).encode(), "sha256"))

    return compute


@pytest.fixture
def idp_of(
    make_config: Callable[..., CognitoIdpConfig], session: BotoSession
) -> Callable[..., CognitoIdp]:
    """Make a CognitoIdp of a pool, which has the pool's secret and rotation."""

    def connect(pool: StrictUserPool, **options: Any) -> CognitoIdp:
        config = {
            "endpoint_url": pool.url,
            "client_secret": pool.client_secret,
            "refresh_token_rotation": pool.rotation,
            **options,
        }
        return CognitoIdp(make_config(**config), session=session)

    return connect


@pytest.fixture(scope="session")
def prime() -> int:
    """The modulus of Cognito's group."""
    return N


@pytest.fixture(scope="session")
def make_srp_server() -> Callable[[str, str, int], SrpServer]:
    """Make a server that knows a password, for one attempt."""

    def make(whose: str, password: str, public_a: int) -> SrpServer:
        salt = secrets.randbits(128)
        return SrpServer(whose, salt, SrpServer.verifier(whose, password, salt), public_a)

    return make
