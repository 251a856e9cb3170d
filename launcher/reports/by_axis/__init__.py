"""Pictures of results by the parameters of a sweep: what is drawn where. A plot and the page draw the same sketch."""
