"""The process that a cluster starts on a node, for one group of attempts."""
