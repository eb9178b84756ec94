/** A bullet bar: verified inside claimed, against the target and the whole; what was never reported is hatched. */

import { s } from "./dom.js";

/** All values in percent of the whole, null where there is none. `label` is what a screen reader says. */
export function bullet({ claimed, verified, target, never }, label) {
  return s("svg", { class: "bullet", role: "img", "aria-label": label },
    s("rect", { class: "bullet-whole", y: "25%", width: "100%", height: "50%" }),
    never > 0 && s("rect", { class: "bullet-never", x: `${100 - never}%`, y: "25%", width: `${never}%`, height: "50%", fill: "url(#hatch)" }),
    claimed !== null && s("rect", { class: "bullet-claimed", y: "25%", width: `${claimed}%`, height: "50%" }),
    verified !== null && s("rect", { class: "bullet-verified", y: "39%", width: `${verified}%`, height: "22%" }),
    target !== null && s("rect", { class: "bullet-target", x: `${target}%`, y: "5%", width: "3", height: "90%", transform: "translate(-1.5 0)" }),
  );
}
