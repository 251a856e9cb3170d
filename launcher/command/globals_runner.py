"""Runs a script with other values for its settings: PYTHON globals_runner.py '{"lr": 0.1}' SCRIPT ARGUMENTS…

Behind the first literal that the script assigns to `lr` at its top level, `lr = 0.1` is done too; line numbers stay.
The script runs as `__main__`, by any Python from 3.8 on: nothing of the launcher's is imported. A process that the
script starts by the method "spawn" reads the script again, without the values.
"""

import ast
import json
import os
import sys
import types


def with_values(tree: ast.Module, values: dict) -> ast.Module:  # type: ignore[type-arg]
    """Return a script that sets each name to its value: a float or tuple where its own literal is one."""
    left, body = dict(values), []
    for node in tree.body:
        body.append(node)
        try:
            literal = ast.literal_eval(node.value)  # type: ignore[attr-defined]
        except (AttributeError, ValueError, TypeError, SyntaxError):
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]:
            if isinstance(target, ast.Name) and target.id in left:
                kind = type(literal).__name__ if isinstance(literal, (float, tuple)) else ""
                value = f"{kind}(__import__('json').loads({json.dumps(left.pop(target.id))!r}))"
                body += ast.parse(f"{target.id} = {value}").body
                for inner in ast.walk(body[-1]):
                    ast.copy_location(inner, node)
    return ast.Module(body, tree.type_ignores)


if __name__ == "__main__":
    values, sys.argv = json.loads(sys.argv[1]), sys.argv[2:]
    if sys.path[:1] == [os.path.dirname(os.path.abspath(__file__))]:  # not with -P or -I
        sys.path[0] = os.path.dirname(os.path.realpath(sys.argv[0]))
    with open(sys.argv[0], "rb") as file:
        code = compile(with_values(ast.parse(file.read()), values), sys.argv[0], "exec", dont_inherit=True)
    sys.modules["__main__"] = sys.modules["__mp_main__"] = module = types.ModuleType("__main__")  # as multiprocessing
    module.__file__ = sys.argv[0]
    exec(code, vars(module))
