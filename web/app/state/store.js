/** The state of the page: answers of the API, each with its address and its error, and what the stream sent. */

import { Problem, answerUrl, get, planUrl } from "../api.js";

const PAGE = 50; // programs per request
const EVERY = 500; // programs per request when all of them are needed
const MOVED_MS = 6_000; // how long a row that moved stays marked
const TREND_MONTHS = 24;

/**
 * One answer of the API. The previous data stay until the new ones arrive; `forget` clears them. `anew(url, data)` returns the
 * address from which a refresh loads.
 */
function createAnswer(changed, anew = (url) => url) {
  let asking = null;
  const answer = { url: null, data: null, problem: null, waiting: false, ask, forget, again };

  async function fetchFrom(url, keep) {
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    answer.waiting = true;
    changed();
    try {
      answer.data = await get(url, mine.signal);
      answer.problem = null;
    } catch (problem) {
      if (mine !== asking) return;
      if (!(problem instanceof Problem)) throw problem;
      // a refresh that fails keeps the data: the connection's state shows that they may be old
      if (!keep) [answer.data, answer.problem] = [null, problem];
    }
    if (mine !== asking) return;
    answer.waiting = false;
    changed();
  }

  async function ask(url) {
    if (url === answer.url) return;
    answer.url = url;
    await fetchFrom(url, false);
  }

  async function again() {
    if (answer.url) await fetchFrom(anew(answer.url, answer.data), answer.data !== null);
  }

  function forget() {
    asking?.abort();
    asking = null;
    Object.assign(answer, { url: null, data: null, problem: null, waiting: false });
  }

  return answer;
}

/** A list loaded page by page: `data` is `{items, next, ...}` of the pages so far, `shown` how many items to draw. */
function createList(changed) {
  const list = createAnswer(changed, (url, data) => {
    const again = new URL(url);
    if (data) again.searchParams.set("limit", Math.min(EVERY, Math.max(PAGE, data.items.length)));
    return again.href;
  });

  async function askFirst(url) {
    if (url !== list.url) list.shown = PAGE;
    await ask(url);
  }

  async function more() {
    list.shown += PAGE;
    changed();
    if (list.data.items.length < list.shown && list.data.next) await fetchMore(PAGE);
  }

  async function fetchMore(limit) {
    const { url, data } = list;
    const next = new URL(url);
    next.searchParams.set("cursor", data.next);
    next.searchParams.set("limit", limit);
    list.waiting = true;
    changed();
    try {
      const page = await get(next.href);
      if (list.url !== url || list.data !== data) return;
      list.data = { ...page, items: [...data.items, ...page.items] };
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      list.problem = problem;
    }
    list.waiting = false;
    changed();
  }

  async function all() {
    let had = -1;
    while (list.data?.next && list.data.items.length > had) {
      had = list.data.items.length;
      await fetchMore(EVERY);
    }
  }

  const { ask } = list;
  return Object.assign(list, { shown: PAGE, ask: askFirst, more, all });
}

/** The whole state of the page. `changed` is called after every change. */
export function createStore(changed) {
  const store = {
    realization: createAnswer(changed),
    previous: createAnswer(changed), // the end of the year before, fetched once
    history: createAnswer(changed),
    departments: createAnswer(changed),
    changes: createAnswer(changed),
    programs: createList(changed),
    plans: createList(changed),
    program: createAnswer(changed), // the one in the drawer
    parts: createAnswer(changed), // the sub-dimensions, for the drawer
    connection: "connecting",
    aliveAt: null, // when the server last sent or answered something
    moved: new Set(), // groups and programs that changed a moment ago
    snapshot,
    change,
    forgetPlan,
    refresh,
  };

  /** A whole state of the plan: a stream sends it first, and again when much has changed. */
  function snapshot(data) {
    const before = new Map(store.realization.data?.groups.map((cell) => [cell.key, JSON.stringify(cell)]));
    const same = store.realization.data?.as_of === data.as_of;
    store.realization.data = data;
    if (same) mark(data.groups.filter((cell) => before.get(cell.key) !== JSON.stringify(cell)).map((cell) => cell.key));
    changed();
  }

  function change(data) {
    const now = store.realization.data;
    if (!now) return;
    const cells = new Map(data.groups.map((cell) => [cell.key, cell]));
    const groups = now.groups.map((cell) => cells.get(cell.key) ?? cell);
    const known = new Set(now.groups.map((cell) => cell.key));
    store.realization.data = {
      ...now,
      known_at: data.known_at,
      fresh_at: data.fresh_at,
      overall: data.overall,
      groups: [...groups, ...data.groups.filter((cell) => !known.has(cell.key))],
    };
    mark([...cells.keys(), ...data.programs]);
    changed();
  }

  function mark(keys) {
    for (const key of keys) store.moved.add(key);
    setTimeout(() => {
      for (const key of keys) store.moved.delete(key);
      changed();
    }, MOVED_MS);
  }

  /** Ask again for what the stream does not carry. */
  function refresh() {
    for (const name of ["history", "departments", "changes", "programs", "program", "parts"]) store[name].again();
  }

  function forgetPlan() {
    for (const name of ["realization", "previous", "history", "departments", "changes", "programs", "program", "parts"]) store[name].forget();
    store.moved.clear();
    store.aliveAt = null;
  }

  return store;
}

/** The last day of the year before a date. */
export function previousYearEnd(day) {
  return `${Number(day.slice(0, 4)) - 1}-12-31`;
}

/** The addresses the page loads. `asOf` null: today. */
export const addresses = {
  realization: ({ plan, asOf, basis }) => planUrl(plan, "realization", { as_of: asOf, basis }),
  pinned: ({ plan, basis }, { as_of, known_at }) => planUrl(plan, "realization", { as_of, known_at: known_at.seq, basis }),
  stream: ({ plan, asOf, basis }) => planUrl(plan, "stream", { as_of: asOf, basis }),
  parts: ({ plan, basis }, day) => planUrl(plan, "realization", { as_of: day, basis, group_by: "sub_dimension" }),
  history({ plan, basis }, day) {
    const from = new Date(`${day.slice(0, 7)}-01T00:00:00Z`);
    from.setUTCMonth(from.getUTCMonth() - TREND_MONTHS + 1);
    return planUrl(plan, "history", { from: from.toISOString().slice(0, 10), to: day, basis });
  },
  departments: ({ plan }, day) => planUrl(plan, "departments", { as_of: day }),
  changes: ({ plan, since }, day) => planUrl(plan, "changes", { since: since ?? previousYearEnd(day), as_of: day }),
  programs: ({ plan, filters }, day) => planUrl(plan, "programs", { as_of: day, ...filters, limit: PAGE }),
  program: ({ plan, program }, day) => planUrl(plan, `programs/${encodeURIComponent(program)}`, { as_of: day }),
  plans: ({ asOf }) => answerUrl("v1/plans", { as_of: asOf, limit: 10 }),
  opening: () => answerUrl("opening.json"),
};
