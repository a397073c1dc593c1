"""lab.simulator: many simulated lives of a cluster, each decided by one number.

The real core runs under the real pump, and in some lives the real engine, machine and ledger above
it; disks, links, clocks and time are simulated and fail as the seed wills. The same seed gives the
same run, under any hash seed and on any machine. `scripts/sim --seeds 0-149` starts it,
`--planted-bugs` shows what it would find.

A `world` is built from the climate in `options`: a `fleet` of nodes on a `network`, to which the
`weather` and the `workload` happen, while `checkers` look for what must never be and `coverage`
counts what is rare. A `life` is a world from beginning to end; a `hunt` looks for `planted` bugs.
"""
