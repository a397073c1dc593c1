"""The detectors: each reads indexes and gives the findings of one flag, the newest first."""

from typing import Final

from kpledger.analysis.flags.detect.approvals import detect_unapproved
from kpledger.analysis.flags.detect.balances import (
    detect_deficit,
    detect_laundering,
    detect_silence,
)
from kpledger.analysis.flags.detect.numbers import detect_gaps
from kpledger.analysis.flags.detect.observed import detect_observed
from kpledger.analysis.flags.detect.pairs import detect_leaning, detect_mirror
from kpledger.analysis.flags.detect.papers import (
    detect_before_suspension,
    detect_unconfirmed,
    detect_waiting,
)
from kpledger.analysis.flags.detect.prices import detect_prices
from kpledger.analysis.flags.detect.reports import detect_misreported, detect_reporting
from kpledger.analysis.flags.detect.signers import detect_exposed
from kpledger.analysis.flags.look import Detector
from kpledger.analysis.flags.registry import Flag

DETECTORS: Final[dict[Flag, tuple[Detector, ...]]] = {
    Flag.F1: (detect_unconfirmed,),
    Flag.F2: (detect_observed("F2"), detect_leaning),
    Flag.F3: (detect_prices,),
    Flag.F4: (detect_observed("F4"),),
    Flag.F5: (detect_deficit,),
    Flag.F6: (detect_laundering,),
    Flag.F7: (detect_observed("F7"), detect_gaps),
    Flag.F8: (detect_observed("F8"),),
    Flag.F9: (detect_observed("F9"), detect_waiting, detect_unapproved),
    Flag.F10: (detect_observed("F10"), detect_before_suspension),
    Flag.F11: (detect_observed("F11"),),
    Flag.F12: (detect_mirror,),
    Flag.F13: (detect_misreported,),
    Flag.F14: (detect_observed("F14"), detect_reporting),
    Flag.F15: (detect_observed("F15"),),
    Flag.F16: (detect_observed("F16"), detect_exposed),
    Flag.F17: (detect_silence,),
    Flag.F18: (detect_observed("F18"),),
}
"""How each flag is raised."""
