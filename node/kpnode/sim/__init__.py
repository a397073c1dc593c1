"""kpnode.sim: many simulated lives of a cluster, each decided by one number.

The real core runs under the real pump; disks, links and time are simulated and fail as the seed
wills. The same seed gives the same run, under any hash seed and on any machine. Start it with
`python -m kpnode.sim --seeds 0-149`.
"""
