#!/bin/sh
# sh venv.sh FOLDER [PYTHON...]: a virtual environment in FOLDER, made with the first PYTHON that fits. An environment that
# is there and works is kept. Called by the Makefile, by tests/pythons.py and by nobody else; installs nothing but pip.
set -eu
folder=$1
shift
[ $# -gt 0 ] || set -- python3.13 python3.12 python3.11 python3.14 python3 python

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
version() { "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || echo 'of no version'; }

if fits "$folder/bin/python"; then
    "$folder/bin/python" -m pip --version >/dev/null 2>&1 || "$folder/bin/python" -m ensurepip >/dev/null
    exit 0
fi

found=
seen=
for python; do
    # Asked, not only looked for: pyenv has a python3.13 in PATH that only says which versions it knows.
    if fits "$python" && "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        found=$python
        break
    fi
    if fits "$python"; then
        seen="${seen:+$seen; }$python is $(version "$python"), but has no venv (Debian: apt-get install $(basename "$python")-venv)"
    elif "$python" -c '' 2>/dev/null; then
        seen="${seen:+$seen; }$python is $(version "$python")"
    fi
done
if [ -z "$found" ]; then
    echo "error: Python 3.11 to 3.14 is needed, and none of $* fits: ${seen:-none of them is here}." >&2
    echo "  Install one, with its venv (Debian, Ubuntu: apt-get install python3.11-venv), and type the same again;" >&2
    echo "  or use an environment that has everything: make sweep PYTHON=/path/to/its/python" >&2
    exit 2
fi

if [ -L "$folder" ] || { [ -e "$folder" ] && [ ! -f "$folder/pyvenv.cfg" ] && [ -n "$(ls -A "$folder")" ]; }; then
    echo "error: $folder is there, and is no virtual environment that works: move it away, and type the same again." >&2
    exit 2
fi
if [ -f "$folder/pyvenv.cfg" ]; then
    is=$(version "$folder/bin/python")
    why="is of Python $is, too old"
    [ "$is" != 'of no version' ] || why='does not work any more, as its Python is gone'
    echo "$folder $why: made anew with $found ($(version "$found"))" >&2
    set -- --clear
else
    set --
fi
exec "$found" -m venv "$@" "$folder"
