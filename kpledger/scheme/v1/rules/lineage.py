"""E13: lineage. Where a participant asks it of itself, re-exports are covered by what came in.

KPCS section IV leaves tracing to the trade; a participant opts in with its policy. How much of each
import went out again is counted for everybody: auditors look at it (flag F6).
"""

from kpledger.base.units import format_carats
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.events.certificate import Certificate, CertificateKind, OriginKind, Source
from kpledger.scheme.v1.lifecycles import USED
from kpledger.scheme.v1.records import CertificateRecord, DrawnRecord
from kpledger.scheme.v1.rules.numbering import issued_certificate

_FIELD = "body.certificate.sources"
_WHOLE = 10_000


def check_lineage(context: Context) -> Refusal | None:
    """E13: where lineage is strict, sources were imported and cover what is re-exported."""
    certificate = issued_certificate(context)
    issuer = context.author[0]
    if certificate.kind is CertificateKind.TECHNICAL or not context.policy(issuer).strict_lineage:
        return None
    for source in certificate.sources:
        refusal = _check_source(context, source)
        if refusal is not None:
            return refusal
    needed = certificate.carat_thousandths - _mined_at_home(certificate, issuer)
    named = sum(source.carat_thousandths for source in certificate.sources)
    if named < needed:
        return refuse(
            Rule.E13,
            _FIELD,
            f"sources cover {format_carats(named)} ct of {format_carats(needed)} ct from abroad",
            f"sources of at least {format_carats(needed)} ct",
        )
    return None


def _mined_at_home(certificate: Certificate, issuer: str) -> int:
    """Give the weight that needs no source: what the issuer mined itself, as far as it says."""
    origin = certificate.origin
    if issuer not in origin.countries:
        return 0
    if origin.kind is OriginKind.SINGLE:
        return certificate.carat_thousandths
    if not origin.shares:
        return 0
    share = origin.shares[origin.countries.index(issuer)]
    return certificate.carat_thousandths * share // _WHOLE


def _check_source(context: Context, source: Source) -> Refusal | None:
    record = context.certificate(source.number)
    accepted = f"NORMAL certificates under which {context.author[0]} imported"
    if record is None:
        problem = f"there is no certificate {source.number}"
        return refuse(Rule.E13, _FIELD, problem, accepted)
    if record.destination != context.author[0]:
        problem = f"{source.number} is destined for {record.destination}"
        return refuse(Rule.E13, _FIELD, problem, accepted)
    if record.kind is CertificateKind.TECHNICAL:
        problem = f"{source.number} is {record.kind}: what it moves is not traded"
        return refuse(Rule.E13, _FIELD, problem, accepted)
    if record.state not in USED or record.found is None:
        problem = f"{source.number} is {record.state}"
        return refuse(Rule.E13, _FIELD, problem, accepted)
    left = record.found.carat_thousandths - _drawn_before(context, source.number)
    if source.carat_thousandths > left:
        return refuse(
            Rule.E13,
            _FIELD,
            f"{format_carats(source.carat_thousandths)} ct of {source.number}, of which"
            f" {format_carats(max(left, 0))} ct are left",
            f"up to {max(left, 0)} of it",
        )
    return None


def _drawn_before(context: Context, number: str) -> int:
    known = context.state.read(DrawnRecord.key_for(number), DrawnRecord)
    drawn = 0 if known is None else known.carat_thousandths
    # What a certificate drew that is replaced here is free again for the new one.
    replaced = context.certificate(context.subject)
    own = () if replaced is None else counted_sources(context, replaced)
    return drawn - sum(one.carat_thousandths for one in own if one.number == number)


def counted_sources(context: Context, record: CertificateRecord) -> tuple[Source, ...]:
    """Give the sources whose drawn weight a certificate adds to: earlier imports of its issuer.

    What others name as a source of theirs is their word alone and takes nothing from anybody.
    """
    if record.kind is CertificateKind.TECHNICAL:
        return ()
    return tuple(one for one in record.sources if _came_in(context, one.number, record))


def _came_in(context: Context, number: str, record: CertificateRecord) -> bool:
    source = context.certificate(number)
    # A number that was issued only afterwards was not counted then, and must not be given back.
    return (
        source is not None
        and source.destination == record.issuer
        and source.recorded_at <= record.recorded_at
    )
