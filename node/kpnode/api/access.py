"""Access: what everybody may ask, and what only clients may ask whom the operator has listed.

Each route says for whom it is (:class:`kpledger.api.route.Access`); one that says nothing is for
listed clients. A client is listed by the address that it comes from or by a token that it presents
(RFC 6750). A token that is unknown is refused on every route, so that nobody who has lost one is
left with the little that everybody is told and does not know why.
"""

from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from kpledger.api.route import Access, Route
from kpledger.api.routes import ROUTES
from kpnode.api.client import client_of, identify_clients
from kpnode.api.problems import ProblemError, ProblemKind, make_problem
from kpnode.config import AccessSection, BlocksFor
from kpnode.tokens import TokenRegister

_AUTHORIZATION: Final = "Authorization"
_BEARER: Final = "bearer"
_ACCEPTED: Final = (
    "a token of this node (Authorization: Bearer TOKEN), which its operator makes with"
    " 'kpnode token add', or an address in [access] of its node.toml"
)


class AccessControl:
    """Decides for whom a node answers what.

    Attributes:
        identify: the middleware that finds out who sends each request.
    """

    def __init__(self, section: AccessSection, tokens: TokenRegister) -> None:
        self._tokens = tokens
        self.identify = identify_clients(section, self._has_token)
        self._for_everybody = {Access.EVERYBODY}
        if section.blocks is BlocksFor.ALL:
            self._for_everybody.add(Access.AS_CONFIGURED)

    def _has_token(self, request: web.Request) -> bool:
        """Tell whether a request carries a token of this node.

        Raises:
            ProblemError: it carries another one.
        """
        scheme, _, token = request.headers.get(_AUTHORIZATION, "").partition(" ")
        # What a proxy asked of the client by another scheme is no business of ours.
        if scheme.lower() != _BEARER:
            return False
        if not self._tokens.holds(token.strip()):
            detail = "the token is not one of this node: never made, or revoked"
            raise ProblemError(make_problem(ProblemKind.UNKNOWN_TOKEN, detail, accepted=_ACCEPTED))
        return True

    def guard(self, route: Route, handler: Handler) -> Handler:
        """Let only those reach a handler for whom its route is."""
        if route.access in self._for_everybody:
            return handler

        async def handle(request: web.Request) -> web.StreamResponse:
            if not client_of(request).is_listed:
                listed = f"{route.path} is answered only to clients whom the operator has listed"
                detail = f"{listed}; {self._say_open()}"
                raise ProblemError(make_problem(ProblemKind.NOT_LISTED, detail, accepted=_ACCEPTED))
            return await handler(request)

        return handle

    def _say_open(self) -> str:
        open_to_all = [one for one in ROUTES if one.access in self._for_everybody]
        named = ", ".join(f"{one.method} {one.path}" for one in open_to_all)
        return f"everybody may ask {named}"
