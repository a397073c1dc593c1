"""How the demonstration is shown: tables for people, one JSON object for programs."""

from collections.abc import Mapping

from lab.demo.demonstration import Findings
from rich.console import Console
from rich.table import Table

from kpledger.base.units import format_carats

_PERCENT = 100


def show_findings(console: Console, findings: Findings) -> None:
    """Show what was recorded, refused, lost, found again and audited."""
    review = findings.review
    table = Table(title="The main job", show_header=False)
    outcomes = ", ".join(f"{count} {name}" for name, count in findings.outcomes.items() if count)
    table.add_row("certificates (synthetic)", f"{findings.certificates}: {outcomes}")
    table.add_row("events acknowledged", str(len(findings.acknowledged)))
    table.add_row(
        "throughput", f"{throughput(findings):.0f} events/s, the loss of a leader included"
    )
    table.add_row("killed with SIGKILL", findings.killed)
    table.add_row("time without a leader", f"{findings.leaderless_s:.2f} s")
    table.add_row("restarted and caught up in", f"{findings.catch_up_s:.2f} s")
    for attempt, rule in findings.refused:
        table.add_row(f"refused: {attempt.what}", f"rule {rule or '- none -'}")
    if review is not None:
        report = review.report
        table.add_row("audit of a copy", f"{report.verdict}, {report.height} blocks")
        table.add_row("head", report.head)
    console.print(table)
    console.print(_origins(findings))
    for failure in findings.failures:
        console.print(f"[red]did not hold:[/red] {failure}")


def _origins(findings: Findings) -> Table:
    table = Table(
        title="Origins", caption="a ledger of fewer certificates holds its part of the year"
    )
    table.add_column("origin")
    for title in ("published carats", "published share", "ledger carats", "ledger share"):
        table.add_column(title, justify="right")
    ledger = findings.recorded
    for origin, carats in sorted(findings.published.items(), key=lambda item: -item[1]):
        found = ledger.get(origin, 0)
        table.add_row(
            origin,
            format_carats(carats),
            _share(carats, findings.published),
            format_carats(found),
            _share(found, ledger),
        )
    return table


def _share(part: int, whole: Mapping[str, int]) -> str:
    total = sum(whole.values())
    return f"{_PERCENT * part / total:.2f} %" if total else "-"


def throughput(findings: Findings) -> float:
    """Give events of the year per second, from the first to the last answer."""
    return findings.events / findings.submit_s if findings.submit_s else 0.0


def findings_json(findings: Findings) -> dict[str, object]:
    """Give the findings as plain values."""
    review = findings.review
    return {
        "ok": not findings.failures,
        "failures": findings.failures,
        "certificates": findings.certificates,
        "outcomes": findings.outcomes,
        "events_acknowledged": len(findings.acknowledged),
        "events_per_s": round(throughput(findings), 1),
        "killed": findings.killed,
        "leaderless_s": round(findings.leaderless_s, 3),
        "catch_up_s": round(findings.catch_up_s, 3),
        "refused": [{"what": one.what, "rule": rule} for one, rule in findings.refused],
        "verdict": review.report.verdict.value if review else None,
        "height": review.report.height if review else None,
        "head": review.report.head if review else None,
        "origins": {
            origin: {
                "published_carat_thousandths": carats,
                "ledger_carat_thousandths": findings.recorded.get(origin, 0),
            }
            for origin, carats in findings.published.items()
        },
    }
