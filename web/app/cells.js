/** Reading a cell: what is known of a group, and how it stands against its target. Comparisons only, no figures. */

/** Whether nothing at all is known of a group that has programs. Its formula says 0; that would be read as a fact. */
export function silent(cell) {
  return cell.programs > 0 && cell.reported === 0;
}

/** `ahead`, `behind` or `unknown`: how a cell stands against its target to date. */
export function standing(cell) {
  const achievement = cell.achievement?.percent ?? null;
  if (achievement === null || silent(cell)) return "unknown";
  return Number(achievement) >= 100 ? "ahead" : "behind";
}

/** A percentage as a number for drawing, 0 to 100; null stays null. */
export function extent(percent) {
  return percent === null || percent === undefined ? null : Math.min(100, Math.max(0, Number(percent)));
}

/** What a bullet bar draws of a cell: see bullet.js. */
export function bars(cell) {
  return {
    claimed: silent(cell) ? null : extent(cell.claimed.percent),
    verified: silent(cell) ? null : extent(cell.verified.percent),
    target: cell.programs ? extent(cell.target?.percent) : null,
    never: cell.programs ? (cell.never_reported / cell.programs) * 100 : 0,
  };
}
