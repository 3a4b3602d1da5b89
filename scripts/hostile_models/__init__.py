"""Makes model files as an attacker or a bad disk would, and watches what opt does with them."""
