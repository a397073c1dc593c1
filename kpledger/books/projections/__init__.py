"""Projections: what each event changes in the tables, one module for each group of them."""
