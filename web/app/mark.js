/** The small shapes that stand beside a word of state; the word is always there, so they are hidden from readers. */

import { s } from "./dom.js";

const SHAPES = {
  full: () => s("circle", { cx: 6, cy: 6, r: 4.5, class: "mark-good" }),
  half: () => [
    s("circle", { cx: 6, cy: 6, r: 4, class: "mark-line" }),
    s("path", { d: "M6 2a4 4 0 0 1 0 8z", class: "mark-good" }),
  ],
  empty: () => s("circle", { cx: 6, cy: 6, r: 4, class: "mark-line" }),
  down: () => s("path", { d: "M1 2.5h10L6 11z", class: "mark-behind" }),
  cross: () => s("path", { d: "M2.5 2.5l7 7m0-7l-7 7", class: "mark-line" }),
  plus: () => s("path", { d: "M6 1.5v9M1.5 6h9", class: "mark-line" }),
  minus: () => s("path", { d: "M1.5 6h9", class: "mark-line" }),
  check: () => s("path", { d: "M1.5 6.5l3 3 6-7", class: "mark-line" }),
  hatched: () => s("rect", { x: 1, y: 1, width: 10, height: 10, class: "mark-unknown", fill: "url(#hatch)" }),
  dashed: () => s("rect", { x: 1, y: 1, width: 10, height: 10, class: "mark-never", fill: "url(#hatch)" }),
};

const OF = {
  ahead: "full", behind: "down", unknown: "hatched",
  on_time: "full", late: "down", silent: "hatched", stale: "hatched", never: "dashed",
  realized: "full", in_progress: "half", not_started: "empty", blocked: "down", cancelled: "cross",
  withdrawn: "down", unverified: "down", verified: "check", added: "plus", removed: "minus", status: "half", progress: "half",
};

/** The mark of a state of realization, of reporting, of a program, or of a change; null is unknown. */
export function mark(state) {
  return s("svg", { class: "mark", viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true" }, SHAPES[OF[state ?? "unknown"]]());
}
