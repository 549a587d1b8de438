"""Supabase access tokens, verified. Loaded after the start: the cryptography takes long to import."""

import re
import uuid
from typing import Any, Final

import jwt

from service.auth import Caller
from service.errors import NotAuthenticatedError
from service.jwks import KeySet

_LONGEST_TOKEN: Final = 8192
# PyJWT decodes base64 leniently: padding and stray characters would make many tokens out of one.
_TOKEN: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_OPTIONS: Final[jwt.types.Options] = {
    "require": ["exp", "sub", "aud", "iss"],
    # A token issued a moment ahead of this machine's clock is a good token.
    "verify_iat": False,
}


class AccessTokens:
    """Verifies access tokens of one Supabase project.

    ES256 and RS256 by the project's published keys; HS256 by its legacy secret, where that is set.
    Issuer, audience `authenticated`, role `authenticated`, expiry and a UUID as the subject must be there
    (Supabase documentation, "JSON Web Token").
    """

    def __init__(self, keys: KeySet, issuer: str, legacy_secret: str | None) -> None:
        self._keys = keys
        self._issuer = issuer
        self._legacy_secret = legacy_secret

    async def authenticate(self, token: str) -> Caller:
        """The user of a token; `NotAuthenticatedError` for any token that is not a valid one."""
        if len(token) > _LONGEST_TOKEN or not _TOKEN.fullmatch(token):
            raise NotAuthenticatedError("no_token_by_its_shape")
        try:
            claims = await self._verify(token)
        except jwt.PyJWTError as error:
            raise NotAuthenticatedError(type(error).__name__) from None
        if claims.get("role") != "authenticated":
            raise NotAuthenticatedError("wrong_role")
        try:
            return Caller(uuid.UUID(claims["sub"]), token)
        except ValueError:
            raise NotAuthenticatedError("subject_is_no_uuid") from None

    async def _verify(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        # The token's own `alg` only chooses between two fixed pairs of key and algorithm.
        key: jwt.PyJWK | str | None
        if header.get("alg") == "HS256":
            key, algorithm = self._legacy_secret, "HS256"
        else:
            kid = header.get("kid")
            key = await self._keys.find(kid) if isinstance(kid, str) else None
            algorithm = "none" if key is None else key.algorithm_name
        if not key:
            raise NotAuthenticatedError("unknown_key")
        return jwt.decode(token, key, [algorithm], _OPTIONS, audience="authenticated", issuer=self._issuer)
