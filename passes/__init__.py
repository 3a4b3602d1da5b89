"""Graph rewrites, one module for each idea; ``pipeline`` lists them in order."""
