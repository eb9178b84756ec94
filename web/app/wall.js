/** Wall mode: dark, readable from five metres, and unattended for hours. */

const SHIFT_MS = 60_000;
const STEPS = [[0, 0], [6, 0], [6, 6], [0, 6], [-6, 6], [-6, 0], [-6, -6], [0, -6], [6, -6]];

let timer = null;
let step = 0;

/** Turn wall mode on or off. While it is on the page moves by a few pixels each minute, so that nothing burns in. */
export function setWall(on) {
  const root = document.documentElement;
  root.toggleAttribute("data-wall", on);
  if (on === (timer !== null)) return;
  if (!on) {
    clearInterval(timer);
    timer = null;
    root.style.removeProperty("--shift");
    return;
  }
  timer = setInterval(() => {
    step = (step + 1) % STEPS.length;
    const [x, y] = STEPS[step];
    root.style.setProperty("--shift", `${x}px ${y}px`);
  }, SHIFT_MS);
  keepAwake();
}

/** Ask the machine not to switch off its screen; where that can't be had, the display's own settings must do it. */
async function keepAwake() {
  if (document.hidden || !timer) return;
  await navigator.wakeLock?.request("screen").catch(() => {});
}

document.addEventListener("visibilitychange", keepAwake);
