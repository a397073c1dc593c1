"""A whole chain, verified here: of a running node or of a copied directory."""
