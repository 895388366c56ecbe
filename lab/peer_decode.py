"""The peer's side of the sensor benchmark, run by an environment that holds PyPMS and none of our code.

Prints one JSON line: for each model frames decoded a CPU second, and how many frames it found in one damaged buffer.
"""

import json
import sys
import time

from pms.core import Sensor


def main() -> None:
    """Reads {"model": {"frame": hex, "stream": hex, "count": n}} from standard input."""
    answers = {}
    for model, task in json.load(sys.stdin).items():
        sensor, frame = Sensor[model], bytes.fromhex(task["frame"])
        began = time.process_time()
        for _ in range(task["count"]):
            sensor.decode(frame, time=1)
        spent = time.process_time() - began
        try:
            sensor.decode(bytes.fromhex(task["stream"]), time=1)
            found = 1  # one call gives one reading
        except Exception:  # its errors are of many kinds; here they all mean: nothing found
            found = 0
        answers[model] = {"per_second": task["count"] / spent, "found": found}
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
