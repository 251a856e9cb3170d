"""The files of a sweep: their paths, locks and formats; the only package that reads and writes them."""
