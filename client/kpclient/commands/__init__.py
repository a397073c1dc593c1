"""The commands of `kpledger`, one module each."""
