"""A script that is run as typed: its command, how values become arguments, and what its parser takes."""
