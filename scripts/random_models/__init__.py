"""Random small models of each format, and whether opt's files compute what the models compute."""
