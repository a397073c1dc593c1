"""E13: lineage. Where a participant asks it of itself, re-exports are covered by what came in.

KPCS section IV leaves tracing to the trade; a participant opts in with its policy. How much of each
import went out again is counted for everybody, and what is claimed wrongly is flagged (F19).
"""

from kpledger.base.units import format_carats
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals
from kpledger.scheme.v1.events.certificate import Certificate, CertificateKind, HsCode, Source
from kpledger.scheme.v1.lifecycles import USED
from kpledger.scheme.v1.records import CertificateRecord, DrawnRecord
from kpledger.scheme.v1.rules.numbering import issued_certificate

_FIELD = "body.certificate.sources"
_WHOLE = 10_000


def check_lineage(context: Context) -> Refusals:
    """E13: where lineage is strict, sources were imported and cover what is re-exported.

    What a territory of the issuer mined the issuer mined itself.
    """
    certificate = issued_certificate(context)
    issuer = context.author[0]
    if certificate.kind is CertificateKind.TECHNICAL or not context.policy(issuer).strict_lineage:
        return
    for source in certificate.sources:
        yield from _check_source(context, certificate, source)
    needed = certificate.carat_thousandths - _mined_at_home(context, certificate)
    named = sum(source.carat_thousandths for source in certificate.sources)
    if named < needed:
        weight = f"{format_carats(needed)} ct"
        problem = f"sources cover {format_carats(named)} ct of {weight} from abroad"
        yield Refusal(Rule.E13, _FIELD, problem, f"sources of at least {weight}")


def _mined_at_home(context: Context, certificate: Certificate) -> int:
    """Give the weight that needs no source: what the issuer mined itself, as far as it says."""
    origin, issuer = certificate.origin, context.author[0]
    mined = [context.home_of(country) == issuer for country in origin.countries]
    if mined and all(mined):
        return certificate.carat_thousandths
    share = sum(share for share, own in zip(origin.shares, mined, strict=False) if own)
    return certificate.carat_thousandths * share // _WHOLE


def _check_source(context: Context, certificate: Certificate, source: Source) -> Refusals:
    number, issuer = source.number, context.author[0]
    accepted = f"NORMAL certificates under which {issuer} imported"
    record = context.certificate(number)
    if record is None:
        problem = f"there is no certificate {number}"
    elif record.destination != issuer:
        problem = f"{number} is destined for {record.destination}"
    elif record.kind is CertificateKind.TECHNICAL:
        problem = f"{number} is {record.kind}: what it moves is not traded"
    elif record.state not in USED or record.found is None:
        problem = f"{number} is {record.state}"
    elif record.found.received_on > certificate.issued_on:
        problem = f"{number} came in on {record.found.received_on}, after {certificate.issued_on}"
        accepted = "what had come in by the day of issue"
    elif _have_other_origins(certificate, record):
        problem = f"the stones of {number} are from {', '.join(record.origins)}"
        accepted = f"sources from {', '.join(certificate.origin.countries)}"
    elif _have_other_classes(certificate, record):
        problem = f"{number} held {', '.join(line.hs for line in record.lines)}"
        accepted = f"sources of {', '.join(line.hs for line in certificate.lines)}, or of 710210"
    else:
        left = record.found.carat_thousandths - _drawn_before(context, number)
        if source.carat_thousandths > left:
            weight, rest = format_carats(source.carat_thousandths), format_carats(max(left, 0))
            problem = f"{weight} ct of {number}, of which {rest} ct are left"
            yield Refusal(Rule.E13, _FIELD, problem, f"up to {max(left, 0)} of it")
        return
    yield Refusal(Rule.E13, _FIELD, problem, accepted)


def _have_other_origins(certificate: Certificate, record: CertificateRecord) -> bool:
    """Tell whether no country of a source is named; any may be meant where one names none."""
    named = certificate.origin.countries
    return bool(named and record.origins) and set(named).isdisjoint(record.origins)


def _have_other_classes(certificate: Certificate, record: CertificateRecord) -> bool:
    """Tell whether no goods are of a class that a source held; unsorted ones become any."""
    held = {line.hs for line in record.lines}
    return HsCode.UNSORTED not in held and held.isdisjoint(line.hs for line in certificate.lines)


def _drawn_before(context: Context, number: str) -> int:
    drawn = drawn_from(context, number)
    # What a certificate drew that is replaced here is free again for the new one.
    replaced = context.certificate(context.subject)
    own = () if replaced is None else counted_sources(context, replaced)
    return drawn - sum(one.carat_thousandths for one in own if one.number == number)


def drawn_from(context: Context, number: str) -> int:
    """Give the weight that went out again of what came in under a certificate."""
    return context.read_or(DrawnRecord(carat_thousandths=0), number).carat_thousandths


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
