"""What a person sees on a terminal: the live view, messages, tables."""
