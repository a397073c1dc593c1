"""Tables that analysts ask for: mirror, balance, production, unconfirmed certificates, numbers."""
