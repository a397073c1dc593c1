"""A richer synthetic year, recorded offline at its own times, with fraud planted in it.

Where :mod:`kpclient.demo.trade` draws shipments for a network that runs now, this package lives
through 2022 day by day: offices open, certificates are notified, re-weighed, amended, lost, sent
back; re-exports name the imports they are made of; participants submit what they counted. The
production they report is the published one, exactly. Everything else is invented and says so.

The order of reading: who takes part (:mod:`~kpclient.demo.year.cast`), how they write
(:mod:`~kpclient.demo.year.pen`), when (:mod:`~kpclient.demo.year.agenda`), what lies in their safes
(:mod:`~kpclient.demo.year.stock`), the life of a certificate (:mod:`~kpclient.demo.year.lives`),
what is exported (:mod:`~kpclient.demo.year.flows`), what is submitted
(:mod:`~kpclient.demo.year.returns`), the scheme's own business
(:mod:`~kpclient.demo.year.scheme`), and what is planted (:mod:`~kpclient.demo.year.fraud`).
"""
