"""How nodes are asked: one client for every question, and what their answers are."""
