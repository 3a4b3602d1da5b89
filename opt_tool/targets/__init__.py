"""Facts about Paddle Lite."""
