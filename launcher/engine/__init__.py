"""One launch: decides what runs when, and carries it out. `launch` is the way in, `loop` the event loop."""
