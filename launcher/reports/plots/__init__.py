"""The plots: a metric of one experiment, and a metric of all compared. Only this package imports matplotlib."""
