"""``smokesentry detect``: the detector alone on one clip, with every stage shown."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detector.explain_page import Course

_MOST_MOMENTS = 48  # kept while a clip runs; every second is dropped when there are more


def main(argv: list[str]) -> int:
    """what the detector sees in a clip, stage by stage (smokesentry detect CLIP --explain OUT.html)"""
    parser = argparse.ArgumentParser(prog="smokesentry detect", description=main.__doc__)
    parser.add_argument("clip", type=Path, help="a folder of pictures in name order, or a video file")
    parser.add_argument(
        "--explain", type=Path, required=True, metavar="OUT", help="a page (.html) or strip (.png, .jpg)"
    )
    parser.add_argument(
        "--fps", type=float, default=2.0, help="of a folder, or how many of a video's are looked at (2)"
    )
    parser.add_argument("--temp-c", type=float, help="air temperature, if known: steam is told apart by it")
    parser.add_argument("--rh-percent", type=float, help="relative humidity, if known")
    options = parser.parse_args(argv)
    if not 0 < options.fps <= 1000:
        parser.error(f"--fps {options.fps:g}: expected more than 0 and at most 1000")
    if options.explain.suffix.lower() not in {".html", ".png", ".jpg"}:
        parser.error(f"--explain {options.explain}: expected a name that ends in .html, .png or .jpg")
    from detector.clip import ClipError
    from detector.model import ModelError

    try:
        course = _run(options)
        _write(course, options.explain)
    except (ClipError, ModelError, OSError) as error:
        print(f"smokesentry detect: {error}", file=sys.stderr)
        return 2
    print(f"{course.verdict}, {len(course.events)} plumes, {course.frames} frames; wrote {options.explain}")
    return 0


def _run(options: argparse.Namespace) -> Course:
    import cv2

    from detector.clip import clip_verdict, read_clip
    from detector.explain_page import Course, pick
    from detector.pipeline import Detector
    from detector.seen import Seen
    from smokesentry.weather import Weather

    cv2.setNumThreads(1)
    detector = Detector()
    weather = Weather(temp_c=options.temp_c, rh_percent=options.rh_percent)
    course = Course(options.clip.name, detector.model_name, detector.threshold)
    kept: list[Seen] = []
    spent_s, due_s, every_s = 0.0, 10.0, 2.0
    for t_s, frame in read_clip(options.clip, options.fps):
        course.frames += 1
        if frame is None:
            course.unreadable += 1
            continue
        began_s = time.process_time()
        result = detector.push(frame, t_s, weather)
        spent_s += time.process_time() - began_s
        score = detector.score()
        course.times.append(t_s)
        course.best.append(0.0 if score is None else float(score.max()))
        course.causes.append(result.cause)
        if result.verdict == "suspected":
            course.verdict = "suspected"
        course.events.update({event.track: event for event in (*result.events, *result.open_events)})
        starts = any(event.phase == "start" for event in result.events)
        if starts or t_s >= due_s:
            seen = detector.seen()
            kept += [seen] if seen is not None else []
            due_s = t_s + every_s
        if len(kept) > _MOST_MOMENTS:
            alarms = {event.alarm_s for event in course.events.values()}
            kept = [one for k, one in enumerate(kept) if k % 2 == 0 or one.t_s in alarms]
            every_s *= 2
    last = detector.seen()
    kept += [last] if last is not None and (not kept or last.t_s > kept[-1].t_s) else []
    course.events.update({event.track: event for event in detector.finish().events})
    course.moments = pick(kept, list(course.events.values()))
    course.ms_per_frame = 1000 * spent_s / max(course.frames - course.unreadable, 1)
    blind = sum(cause is not None for cause in course.causes)
    course.verdict = clip_verdict(course.verdict == "suspected", len(course.causes) - blind, blind)
    return course


def _write(course: Course, out: Path) -> None:
    import cv2
    import numpy as np

    from detector.explain import strip
    from detector.explain_page import page

    if out.suffix.lower() == ".html":
        out.write_text(page(course), encoding="utf-8")
        return
    if not course.moments:
        raise OSError(f"{out}: not written; the clip is too short to show anything")
    done, data = cv2.imencode(out.suffix, np.vstack([strip(seen) for _, _, seen in course.moments]))
    assert done
    out.write_bytes(data.tobytes())
