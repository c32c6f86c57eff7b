"""The windows of leadership."""
