"""Which experiments a sweep has, and when one is not worth going on: `searcher` and `stopper`."""
