"""The library that the commands call: load, convert, verify, inspect, run."""
