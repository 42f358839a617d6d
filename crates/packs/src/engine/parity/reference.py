"""The reference: renders cases with Python's Jinja2 as Offhook sets its own engine up.

Reads {"templates": {name: source}, "context": {...}, "cases": [name or {"source": …, "value": …}]} as JSON from standard
input and writes, for each case, {"text": …} or {"error": …}. Cases that never end are no cases here.
"""

import json
import sys

import jinja2


def environment(templates):
    env = jinja2.Environment(
        loader=jinja2.DictLoader(templates),
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        # What is none prints nothing: the one thing that Offhook's templates see otherwise.
        finalize=lambda value: "" if value is None else value,
        extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
    )
    # In the order of the dict, and letters as they are.
    env.policies["json.dumps_kwargs"] = {"sort_keys": False, "ensure_ascii": False}
    return env


def main():
    job = json.load(sys.stdin)
    env = environment(job["templates"])
    out = []
    for case in job["cases"]:
        try:
            if isinstance(case, str):
                text = env.get_template(case).render(job["context"])
            else:
                text = env.from_string(case["source"]).render({**job["context"], "x": case["value"]})
            out.append({"text": text})
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            out.append({"error": f"{type(error).__name__}: {error}"})
    json.dump({"version": jinja2.__version__, "answers": out}, sys.stdout)


main()
