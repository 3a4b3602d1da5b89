"""Importers, one module for each family of layers; the registry names them."""
