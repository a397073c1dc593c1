"""What ``kpledger show`` makes of records and events for people."""

from kpclient.commands.show import flatten


def test_record_is_told_in_words() -> None:
    record = {
        "zones": ["CF/berberati", "CF/boda"],
        "effective_from": 1_767_225_600_000,
        "effective_until": None,
        "filed_at": [0, 1_000],
        "interim": False,
        "clock_skew_ms": 10_000,
        "recommendations": [{"name": "seals", "due_on": None}, {"name": "staff", "due_on": None}],
        "approver": {"participant": "KPCS", "authority": "car-team"},
    }
    assert flatten(record) == {
        "zones": "CF/berberati, CF/boda",
        "effective_from": "2026-01-01T00:00:00.000Z",
        "filed_at": "1970-01-01T00:00:00.000Z, 1970-01-01T00:00:01.000Z",
        "interim": "no",
        "clock_skew_ms": "10000",
        "recommendations[0].name": "seals",
        "recommendations[1].name": "staff",
        "approver.participant": "KPCS",
        "approver.authority": "car-team",
    }
