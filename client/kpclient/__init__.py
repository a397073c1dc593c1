"""kpclient: the people's side of kpledger, the ``kpledger`` command."""
