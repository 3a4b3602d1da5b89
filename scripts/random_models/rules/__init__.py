"""What random models are made of: tables of operators, and how their attributes are drawn."""
