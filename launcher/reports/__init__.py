"""What came out of a sweep, from its files alone: tables, plots, report, status. `build` makes all of them."""
