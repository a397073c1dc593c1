"""A richer synthetic year, recorded offline at its own times, with fraud planted in it.

Where :mod:`lab.demo.trade` draws shipments for a network that runs now, this package lives
through 2022 day by day: offices open, certificates are notified, re-weighed, amended, lost, sent
back; re-exports name the imports they are made of; participants submit what they counted. The
production they report is the published one, exactly. Everything else is invented and says so.

The order of reading: who takes part (:mod:`~lab.year.cast`), how they write
(:mod:`~lab.year.pen`), when (:mod:`~lab.year.agenda`), what lies in their safes
(:mod:`~lab.year.stock`), the life of a certificate (:mod:`~lab.year.lives`),
what is exported (:mod:`~lab.year.flows`), what is submitted
(:mod:`~lab.year.returns`), the scheme's own business
(:mod:`~lab.year.scheme`), and what is planted (:mod:`~lab.year.fraud`).
"""
