"""The scheme's own house: offices, observers and bodies, present and past."""

from booked import open_booked_trade
from founding import CHAIR, vary
from scheme_statements import BODY, OBSERVER

from kpledger.books.participants import ORGANISATION, OrganisationAnswer, OrganisationQuestion
from kpledger.scheme.v1.events.governance import AuthorityRegistered, AuthorityRole
from kpledger.scheme.v1.events.life import ObserverWithdrawn


def test_offices_observers_and_bodies_are_listed_while_they_last() -> None:
    ledger = open_booked_trade()

    def ask(*, past: bool = False) -> OrganisationAnswer:
        return ORGANISATION.respond(ledger.books, OrganisationQuestion(past=past))

    assert ask(past=True) == OrganisationAnswer(offices=(), observers=(), bodies=())
    team = AuthorityRegistered(
        authority="team",
        title="Team",
        place="Bangui",
        roles=(AuthorityRole.MONITORING,),
        contact="",
    )
    ledger.say(CHAIR, team, subject="KPCS/team")
    ledger.say(CHAIR, OBSERVER, subject="KPCS/wdc")
    ledger.say(CHAIR, BODY, subject="KPCS/body/wgs")
    found = ask()
    assert [one.authority for one in found.offices] == ["team"]
    assert [(one.authority, one.observer) for one in found.observers] == [("wdc", OBSERVER.kind)]
    assert [(one.name, one.chair, one.observers) for one in found.bodies] == [
        ("wgs", "ZA", ("wdc",))
    ]
    ledger.say(CHAIR, vary(BODY, dissolved=True), subject="KPCS/body/wgs")
    ledger.say(CHAIR, ObserverWithdrawn(observer="wdc", reference="letter"), subject="KPCS/wdc")
    now, ever = ask(), ask(past=True)
    assert (now.observers, now.bodies) == ((), ())
    assert (ever.observers[0].closed, ever.bodies[0].dissolved) == (True, True)
