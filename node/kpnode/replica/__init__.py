"""A node that does not vote: it follows the chain, and believes what a majority has signed."""
