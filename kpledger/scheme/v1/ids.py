"""Identifiers that these rules give meaning to: offices, certificates, decisions, zones."""

import re
from importlib.resources import files
from typing import Annotated, Final

from msgspec import Meta

from kpledger.base.errors import MalformedError

CHAIR: Final = "chair"
"""The authority under ``KPCS`` that signs for the Chair (KPCS core document, section VI.4)."""

SECRETARIAT: Final = "secretariat"
"""The authority under ``KPCS`` that signs as clerk."""

ROOT: Final = "root"
"""The authority of every participant that speaks for the participant itself (its focal point)."""

RECOVERY: Final = "recovery"
"""The authority of every participant under which its recovery key stands. It makes no statements:
it signs with the root where a participant's own keys change, and is kept off line until then."""

OWN_KEYS: Final = (ROOT, RECOVERY)
"""Under these stand the keys of a participant itself, and not of one of its offices."""

NUMBER_PATTERN: Final = r"^[A-Z]{2}[A-Z-]{0,6}[0-9]{1,12}\Z"

CertificateNumber = Annotated[str, Meta(pattern=NUMBER_PATTERN, max_length=20)]
"""A certificate's number: country code, optional letters, digits; unique for ever."""

NumberPrefix = Annotated[str, Meta(pattern=r"^[A-Z]{2}[A-Z-]{0,6}\Z", max_length=8)]
"""What stands before the digits of a certificate number; begins with the country code."""

SHORT_NAME_PATTERN: Final = r"^[a-z0-9]+(-[a-z0-9]+)*\Z"
MAX_SHORT_NAME_CHARS: Final = 32

ShortName = Annotated[str, Meta(pattern=SHORT_NAME_PATTERN, max_length=MAX_SHORT_NAME_CHARS)]
"""The name that an author gives a restriction, a case or a proceeding, for instance ``2026-1``."""

DecisionId = Annotated[str, Meta(pattern=r"^[A-Z0-9]+(-[A-Z0-9]+)*\Z", max_length=40)]
"""What the scheme calls a decision or a Chair's notice, for instance ``AD-2015-3``."""

CountryCode = Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z", max_length=2)]
"""ISO 3166-1 alpha-2 code of a country of mining origin, one of :data:`COUNTRIES` (rule E5)."""

_CODES: Final = files("kpledger.scheme.v1").joinpath("countries.txt").read_text(encoding="ascii")

COUNTRIES: Final = frozenset(_CODES.split())
"""What ISO 3166-1 calls or once called a country, frozen; from babel by scripts/countries.py. Codes
that ISO withdrew (ZR, YU, SU, ...) stay: stones were mined under them. EU is no country of origin;
TW is."""

Zone = Annotated[str, Meta(pattern=r"^[A-Z]{2}/[a-z0-9]+(-[a-z0-9]+)*\Z", max_length=40)]
"""A mining zone or operation: country code and name, for instance ``CF/berberati``."""


def parse_number(text: str) -> str:
    """Read a certificate's number.

    Raises:
        MalformedError: not a country code followed by optional letters and digits.
    """
    if re.match(NUMBER_PATTERN, text) is None:
        form = "a country code, optional letters or hyphens, then digits, such as BW00001234"
        raise MalformedError("certificate number", f"{text[:80]!r} is not {form}")
    return text
