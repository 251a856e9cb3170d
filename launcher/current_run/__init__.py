"""What a script has of the launcher while it trains: `launcher.current()`. No torch, no launch, no view.

    current        which run it is: of a function's worker, of a command, or of nobody
    script_run     the run of a script that the launcher has started by its `command`
    print_run      the run of a script that nobody has started but a person
    json_line      the line that a call becomes
    stop_request   whether the script shall stop
    rank_answers   the same answers for all ranks of a script, by `agreement`

A script may run in another Python than the launcher, where the launcher is not installed. So what is here uses the
standard library alone and runs on Python 3.8, and nothing is imported before it is used: the first call takes less than
5 ms, and a script that has imported torch does not notice it.
"""
