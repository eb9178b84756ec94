/** The address of the page: every view is a link, and back works. */

const FIELDS = [
  "plan", "as_of", "basis", "lang", "wall", "since", "changes", "group", "program",
  "dimension", "department", "status", "state", "quick_win", "q", "sort",
];
const DRAWERS = ["group", "program"];

/** What the address names, by field; a field it does not name is not there. */
export function read() {
  const query = new URLSearchParams(location.search);
  return Object.fromEntries(FIELDS.filter((field) => query.get(field)).map((field) => [field, query.get(field)]));
}

/** The link to an address. */
export function href(address, fragment = "") {
  const query = new URLSearchParams();
  for (const field of FIELDS) if (address[field]) query.set(field, address[field]);
  return `?${query}${fragment && `#${fragment}`}`;
}

/** The link to where one is, with some fields changed; null takes a field away. */
export function here(changes, fragment) {
  return href({ ...read(), ...changes }, fragment);
}

/** Go to a link of this page. `replace` leaves no step for the back button. */
export function go(link, { replace = false } = {}) {
  const query = new URL(link, location.href).searchParams;
  const deeper = DRAWERS.some((field) => query.get(field)) ? (history.state?.drawers ?? 0) + 1 : 0;
  if (replace) history.replaceState(history.state, "", link);
  else history.pushState({ drawers: deeper }, "", link);
  dispatchEvent(new Event("addresschange"));
}

/** Leave the drawers: back to where they were opened, or, when the page was opened in one, to the page below. */
export function closeDrawers() {
  const opened = history.state?.drawers ?? 0;
  if (opened) history.go(-opened);
  else go(here({ group: null, program: null }), { replace: true });
}

/** Call `changed` whenever the address has changed, whoever changed it; links of the page load nothing anew. */
export function follow(changed) {
  addEventListener("popstate", changed);
  addEventListener("addresschange", changed);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="?"]');
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(link.getAttribute("href"));
    const target = document.getElementById(link.hash.slice(1));
    if (!target) return;
    requestAnimationFrame(() => { // once drawn: a drawer that closes gives the focus back to where it was opened
      target.scrollIntoView();
      target.querySelector("h2")?.focus({ preventScroll: true });
    });
  });
}
