/** A large figure that counts to its new value when it changes live. */

const DURATION_MS = 900;
const still = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * Show a decimal string of percent (two places) in `element`, spelled by `spell`. It counts there from the value before
 * if `subject` (what the figure is about) is the same; in whole hundredths, so that every value on the way is exact.
 */
export function countTo(element, percent, subject, spell) {
  const before = element.dataset.percent;
  const same = element.dataset.subject === subject;
  element.dataset.percent = percent;
  element.dataset.subject = subject;
  if (before === percent && same && element.dataset.counting) return;
  delete element.dataset.counting;
  if (!same || before === undefined || before === percent || still.matches || document.hidden) {
    element.textContent = spell(percent);
    return;
  }
  const [from, to] = [before, percent].map((text) => Number(text.replace(".", "")));
  const began = performance.now();
  element.dataset.counting = percent;
  requestAnimationFrame(function step(now) {
    if (element.dataset.counting !== percent) return; // a newer value took over
    const part = Math.min(1, (now - began) / DURATION_MS);
    if (part === 1) {
      delete element.dataset.counting;
      element.textContent = spell(percent);
      return;
    }
    const eased = 1 - (1 - part) ** 3;
    const hundredths = String(Math.round(from + (to - from) * eased)).padStart(3, "0");
    element.textContent = spell(`${hundredths.slice(0, -2)}.${hundredths.slice(-2)}`);
    requestAnimationFrame(step);
  });
}
