"""Views: logs, tables, plots and screens made from records. Each can be rebuilt; none is needed by a worker."""
