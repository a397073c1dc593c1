"""Spelling: codes, numbers and ids as people type them, in the one form that the ledger has.

Certificate numbers and codes are capitals, ids and keys are lower-case digits. Nothing else can be
meant by ``bw00000001``, so it is put right where it is typed, as are words of which one is chosen;
what stands in a file is not touched.
"""

import re
from typing import Final

_CAPITALS: Final = frozenset(
    {"CODE", "F[,F]", "HALF-YEAR", "NUMBER", "NUMBER=CARATS", "OTHER-CODE", "PERIOD", "QUARTER"}
    | {"RULE", "STANCE", "STANDING", "VERDICT"}
)
"""Names of arguments and options whose values have no small letters."""
_PATHS: Final = frozenset({"CASE", "CODE/AUTHORITY", "CODE/NAME", "SUBJECT", "SUSPECT"})
"""Those whose values begin with a code or a number, before the first slash."""
_DIGITS: Final = frozenset({"EVENT-ID", "HEX", "NEW-HEX", "OLD-HEX", "SUBJECT"})
_VALUES: Final = _CAPITALS | _PATHS | _DIGITS | {"FILE", "SHA256", "YYYY-MM-DD"}
"""Those that stand for a value; what else stands beside a bar is a word to be typed as it is."""
_FIRST: Final = re.compile(
    r"^([a-z]{2}|kpcs|[a-z]{2}[a-z-]{0,6}[0-9]{1,12})(?=/|\Z)", re.IGNORECASE
)
_ID: Final = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)


def spell_typed(name: str, text: str) -> str:
    """Give what was typed for an argument or option of that name, as the ledger spells it."""
    kinds = set(name.split("|"))
    choices = {one.lower(): one for one in kinds - _VALUES if len(kinds) > 1}
    if word := choices.get(text.lower().replace("-", "_")):
        return word
    if kinds & _DIGITS and _ID.fullmatch(text):
        return text.lower()
    if kinds & _PATHS:
        return _FIRST.sub(lambda found: found[0].upper(), text, count=1)
    return text.upper() if kinds & _CAPITALS and text not in kinds else text
