/** The points of a trend: the history from the API, with the live figure as its last point. */

import { extent } from "./cells.js";

/** `[{as_of, percent, verified, target, text}]` of a group, or null while there is none. */
export function trend(key, { store }) {
  const series = store.history.data?.series.find((one) => one.key === key);
  if (!series) return null;
  const points = series.points.map((point) => ({
    as_of: point.as_of,
    percent: extent(point.percent),
    verified: extent(point.verified_percent),
    target: extent(point.target_percent),
    text: point.percent,
  }));
  const now = store.realization.data;
  const cell = key === "overall" ? now.overall : now.groups.find((group) => group.key === key);
  if (!cell) return points;
  const last = {
    as_of: now.as_of,
    percent: extent(cell.share.percent),
    verified: extent(cell.verified.percent),
    target: extent(cell.target?.percent),
    text: cell.share.percent,
  };
  return points.at(-1)?.as_of.slice(0, 7) === now.as_of.slice(0, 7) ? [...points.slice(0, -1), last] : [...points, last];
}

/** What a trend of a cell shows, in words. */
export function describeTrend(points, cell, name, { words, format }) {
  const known = points.filter((point) => point.text !== null);
  if (!known.length) return `${name}: ${words.none}`;
  const [first, last] = [known[0], known.at(-1)];
  return words.dimensions.trend({
    name,
    from: format.period(first.as_of.slice(0, 7)),
    to: format.period(last.as_of.slice(0, 7)),
    first: format.percent(first.text),
    last: format.percent(last.text),
    target: cell.target?.percent ? format.percent(cell.target.percent) : words.none,
  });
}
