/** A large figure that counts to its new value when it changes live. */

const DURATION_MS = 900;
const still = matchMedia("(prefers-reduced-motion: reduce)");
const shown = new WeakMap(); // element: {percent, subject} it shows or counts to

/**
 * Show a decimal string of percent (two places) in `element`, spelled by `spell`. It counts there from the value before
 * if `subject` (what the figure is about) is the same; in whole hundredths, so that every value on the way is exact.
 */
export function countTo(element, percent, subject, spell) {
  const before = shown.get(element);
  if (before?.percent === percent && before.subject === subject) return;
  const now = { percent, subject };
  shown.set(element, now);
  if (before?.subject !== subject || still.matches || document.hidden) {
    element.textContent = spell(percent);
    return;
  }
  const [from, to] = [before.percent, percent].map((text) => Number(text.replace(".", "")));
  const began = performance.now();
  requestAnimationFrame(function step(time) {
    if (shown.get(element) !== now) return; // a newer value took over
    const part = Math.min(1, (time - began) / DURATION_MS);
    const eased = 1 - (1 - part) ** 3;
    const hundredths = String(Math.round(from + (to - from) * eased)).padStart(3, "0");
    element.textContent = spell(part === 1 ? percent : `${hundredths.slice(0, -2)}.${hundredths.slice(-2)}`);
    if (part < 1) requestAnimationFrame(step);
  });
}
