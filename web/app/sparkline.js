/** A small trend: the claimed share with its end marked, over the verified share and the target. */

import { s } from "./dom.js";

/**
 * `points` are `{percent, verified, target}` in percent or null, evenly spaced unless they say `at` how many percent of
 * the width they stand; one that is `marked` gets a ring. `top` is the value at the upper edge, the same for charts that
 * are compared. A gap in the data is a gap in the line.
 */
export function sparkline(points, top, label) {
  const x = (index) => points[index].at ?? (points.length > 1 ? (index / (points.length - 1)) * 100 : 100);
  const y = (value) => 100 - (value / top) * 100;
  const line = (name) => {
    let pen = "M";
    return points.map((point, index) => {
      if (point[name] === null) {
        pen = "M";
        return "";
      }
      const step = `${pen}${x(index).toFixed(2)} ${y(point[name]).toFixed(2)}`;
      pen = "L";
      return step;
    }).join("");
  };
  const end = points.at(-1)?.percent ?? null;
  return s("svg", { class: "spark", role: "img", "aria-label": label },
    s("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", width: "100%", height: "100%", overflow: "visible", "aria-hidden": "true" },
      s("path", { class: "spark-base", d: "M0 100H100" }),
      s("path", { class: "spark-target", d: line("target") }),
      s("path", { class: "spark-verified", d: line("verified") }),
      s("path", { class: "spark-claimed", d: line("percent") }),
    ),
    points.map((point, index) => point.marked && point.percent !== null && s("circle", { class: "spark-mark", cx: `${x(index)}%`, cy: `${y(point.percent)}%`, r: 3.5 })),
    end !== null && s("circle", { class: "spark-end", cx: "100%", cy: `${y(end)}%`, r: 3 }),
  );
}

/** A round value at or above all values of the points, so that charts side by side have one scale. */
export function scale(series) {
  const values = series.flat().flatMap(({ percent, target }) => [percent ?? 0, target ?? 0]);
  return Math.max(10, Math.ceil(Math.max(0, ...values) / 10) * 10);
}
