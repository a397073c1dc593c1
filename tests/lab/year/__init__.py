"""A synthetic year: 2022 lived through day by day, fitted to the published figures.

Offices open, certificates are issued, notified, re-weighed, amended, lost, sent back; re-exports
name the imports they are made of; participants submit what they counted. The production they report
is the published one, exactly. Everything else is invented and says so.

One year serves three: `scripts/flags-report` measures how well the flags find what is planted in
it, `scripts/bench` makes large ledgers of it, and `scripts/demo` submits its trade to real nodes.

The order of reading: what was published (:mod:`~lab.year.tables`, :mod:`~lab.year.published`), who
takes part (:mod:`~lab.year.participants`), how they sign (:mod:`~lab.year.signer`), when
(:mod:`~lab.year.timeline`), what lies in their safes (:mod:`~lab.year.stock`), the steps of an
office (:mod:`~lab.year.office`), what becomes of a shipment (:mod:`~lab.year.shipments`), what is
exported (:mod:`~lab.year.flows`), what is submitted (:mod:`~lab.year.returns`), the rest of the
scheme (:mod:`~lab.year.scheme`, :mod:`~lab.year.proceedings`), what is planted
(:mod:`~lab.year.fraud`), and all of it together (:mod:`~lab.year.year`).
"""
