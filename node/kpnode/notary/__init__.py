"""Signed consensus: what lets a message in, and what it carries when it leaves."""

from kpnode.notary.notary import Notary as Notary
