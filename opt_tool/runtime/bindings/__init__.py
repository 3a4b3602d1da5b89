"""Which kernel runs which operation, one module for each family of operations."""
