"""Stories about a few cores, told line by line, with the wire and the disks in the teller's hand.

A scenario is a text file: one command a line, each kept as small as what it does. After every line
the invariants of `watch` are checked, and what a line expects is compared with what is there. Run
files with `scripts/stories FILE...`; the ones that tell of real bugs are in
`tests/scenarios`.
"""
