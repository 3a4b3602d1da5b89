"""Importers, one module for each family of operators; the registry names them."""
