"""Graph rewrites, one module for each idea."""
