"""The last module the fork server imports: makes what it holds cheap to fork.

A worker shares the server's memory until one of them writes to it. The garbage collector writes to every object it
looks at, so each worker would copy torch's, 73 MB, in 200 ms at its first full collection. What is there by now is put
where the collector never looks (gc.freeze, made for this).
"""

import gc

import launcher.worker  # noqa: F401  everything a worker needs

gc.collect()
gc.freeze()
