/** The entry point: reads the address, loads what it needs, follows the stream, and draws the state. */

import { get } from "./api.js";
import { banner } from "./banner.js";
import { changes } from "./changes.js";
import { copy } from "./clipboard.js";
import { departments } from "./departments.js";
import { dimensions } from "./dimensions.js";
import { patch } from "./dom.js";
import { drawDrawer, prepareDrawer } from "./drawer.js";
import { createFormat } from "./format.js";
import { header } from "./header.js";
import { countHeadline, headline, previous, spokenHeadline } from "./headline.js";
import { listen } from "./live.js";
import { plans } from "./plans.js";
import { problem } from "./problem.js";
import { FILTERS, programs, programsAsText } from "./programs.js";
import { sources } from "./sources.js";
import { addresses, createStore, previousYearEnd } from "./state/store.js";
import { follow, go, here, read } from "./state/url.js";
import { target } from "./target.js";
import { DIMENSIONS } from "./vocabulary.js";
import { setWall } from "./wall.js";
import english from "./words.en.js";
import indonesian from "./words.id.js";

const WORDS = { id: indonesian, en: english };
const AGE_MS = 10_000; // how often ages are updated
const REFRESH_MS = 1_000; // after a change, when to ask for what the stream does not carry
const ANNOUNCE_MS = 4_000; // a change is announced to screen readers once it has settled for so long
const TYPING_MS = 250;
const COPIED_MS = 2_000;
const SECTIONS = { headline, previous, target, dimensions, departments, changes, programs };

const element = (id) => document.getElementById(id);
const store = createStore(schedule);
let opening = { plan: null, as_of: null };
let view = null;
let stream = null; // {url, stop} of the open stream
let drawing = false;
let nearPrograms = false;
const timers = {};

/** What the address means: plan, date and basis; those of opening.json where it names none. */
function understand() {
  const address = read();
  const lang = address.lang in WORDS ? address.lang : remembered();
  const plan = address.plan ?? opening.plan ?? store.plans.data?.items[0]?.plan ?? null;
  const opened = !address.as_of && plan === opening.plan && opening.as_of !== null;
  const asOf = opened ? opening.as_of : address.as_of === "today" ? null : address.as_of ?? null;
  return { address, lang, plan, asOf, opened, basis: address.basis === "verified" ? "verified" : "claimed", since: address.since ?? null };
}

function remembered() {
  try {
    return localStorage.getItem("lang") in WORDS ? localStorage.getItem("lang") : "id";
  } catch {
    return "id"; // storage may be closed to the page
  }
}

function remember(lang) {
  try {
    localStorage.setItem("lang", lang);
  } catch {
    // storage may be closed to the page: the address keeps the language
  }
}

/** The address changed: load what it needs and draw. */
async function visit() {
  const before = view;
  view = understand();
  if (view.address.lang) remember(view.lang);
  else if (view.lang !== "id") {
    go(here({ lang: view.lang }), { replace: true });
    return;
  }
  if (before && before.plan !== view.plan) store.forgetPlan();
  schedule();
  if (!view.plan) {
    await askPlans();
    if (store.plans.data?.items.length) visit();
    return;
  }
  const asked = addresses.realization(view);
  const first = store.realization.ask(asked);
  if (view.asOf) askRest(view.asOf);
  await first;
  if (store.realization.url !== asked || addresses.realization(view) !== asked) return; // the address changed meanwhile
  if (store.realization.data) {
    askRest(store.realization.data.as_of);
    connect();
    if (!before?.plan) requestAnimationFrame(() => element(location.hash.slice(1))?.scrollIntoView());
  } else {
    disconnect();
  }
  await askPlans();
}

async function askPlans() {
  await store.plans.ask(addresses.plans(view));
}

function askRest(day) {
  if (!validDay(day)) return;
  const { address } = view;
  store.previous.ask(addresses.realization({ ...view, asOf: previousYearEnd(day) }));
  store.history.ask(addresses.history(view, day));
  store.departments.ask(addresses.departments(view, day));
  store.changes.ask(addresses.changes(view, day));
  if (address.program) store.program.ask(addresses.program({ ...view, program: address.program }, day));
  if (address.group in DIMENSIONS) store.parts.ask(addresses.parts(view, day));
  const filters = Object.fromEntries([...FILTERS, "q"].map((name) => [name, address[name]]));
  if (nearPrograms || Object.values(filters).some(Boolean)) askPrograms(filters, day);
}

async function askPrograms(filters, day) {
  await store.programs.ask(addresses.programs({ ...view, filters }, day));
  if (view.address.sort) await store.programs.all();
}

function connect() {
  const url = addresses.stream(view);
  if (stream?.url === url) return;
  disconnect();
  const take = (apply) => (data) => {
    const before = store.realization.data;
    apply(data);
    const now = store.realization.data;
    if (now.as_of !== before.as_of) askRest(now.as_of); // the stream of today has gone on to the next day
    else if (now.known_at.seq !== before.known_at.seq && !timers.refresh) later("refresh", REFRESH_MS, store.refresh);
    if (now.overall.share.numerator !== before.overall.share.numerator) later("announce", ANNOUNCE_MS, announce);
  };
  const stop = listen(url, addresses.realization(view), {
    snapshot: take(store.snapshot),
    change: take(store.change),
    connection(state) {
      if (state === store.connection) return;
      store.connection = state;
      schedule();
    },
    alive() {
      store.aliveAt = Date.now();
    },
  });
  stream = { url, stop };
}

function disconnect() {
  stream?.stop();
  stream = null;
}

/** Call `what` once, after `ms`; a call with the same name before that starts the time anew. */
function later(name, ms, what) {
  clearTimeout(timers[name]);
  timers[name] = setTimeout(() => {
    timers[name] = null;
    what();
  }, ms);
}

function announce() {
  element("announcer").textContent = spokenHeadline(context());
}

function schedule() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(draw);
}

function context() {
  const words = WORDS[view.lang];
  return {
    store, view, words, lang: view.lang, now: Date.now(),
    format: createFormat(words), zone: store.realization.data?.time_zone ?? "Asia/Pontianak",
  };
}

function draw() {
  drawing = false;
  if (!view) return;
  const now = context();
  const { words } = now;
  const { data, problem: refused, waiting } = store.realization;
  const nothing = !data && (refused || (!view.plan && store.plans.data));
  document.documentElement.lang = view.lang;
  document.title = data ? `${data.name[view.lang]} – Pantau` : "Pantau";
  element("skip").textContent = words.skip;
  element("main").setAttribute("aria-busy", String(waiting || !data));
  setWall(Boolean(view.address.wall));
  patch(element("header"), header(now, nothing));
  for (const [id, section] of Object.entries(SECTIONS)) {
    element(id).hidden = Boolean(nothing);
    if (!nothing) patch(element(id), section(now));
  }
  countHeadline(element("headline"), now);
  element("problem").hidden = !nothing;
  if (nothing) patch(element("problem"), problem(now));
  element("plans").hidden = !(store.plans.data?.items.length > (nothing ? 0 : 1));
  if (!element("plans").hidden) patch(element("plans"), plans(now));
  patch(element("sources"), sources(now));
  patch(element("banner"), banner(now));
  drawDrawer(element("drawer"), now);
}

const ACTIONS = {
  "as-of": (input) => validDay(input.value) && go(here({ as_of: input.value })),
  since: (input) => validDay(input.value) && go(here({ since: input.value })),
  filter: (select) => go(here({ [select.dataset.field]: select.value })),
  retry: (button) => (button.dataset.answer === "realization" ? retryAll() : store[button.dataset.answer].again()),
  print: () => print(),
  "more-programs": () => store.programs.more(),
  "more-plans": () => store.plans.more(),
  "copy-programs": async () => {
    await store.programs.all();
    await copied("programs", programsAsText(context()));
  },
  "copy-link": (button) => copied(button.dataset.link, button.dataset.link),
};

/** Whether a text is a date to load: while a year is typed, it is 2, 20 and 202 first. */
function validDay(text) {
  return /^20\d\d-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text));
}

async function retryAll() {
  store.forgetPlan();
  await visit();
}

async function copied(name, text) {
  await copy(text);
  store.copied = name;
  schedule();
  later("copied", COPIED_MS, () => {
    store.copied = null;
    schedule();
  });
}

function act(event) {
  const from = event.target.closest?.("[data-action]");
  if (from && from.matches(event.type === "click" ? "button" : "input:not([type=search]), select")) ACTIONS[from.dataset.action]?.(from);
}

function find(event) {
  if (event.target.id !== "find") return;
  later("typing", TYPING_MS, () => go(here({ q: event.target.value.trim() }), { replace: true }));
}

function shortcut(event) {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input, select, textarea") || element("drawer").open) return;
  event.preventDefault();
  element("find")?.focus();
}

async function start() {
  view = understand();
  schedule();
  opening = await get(addresses.opening()).catch(() => opening);
  follow(visit);
  document.addEventListener("click", act);
  document.addEventListener("change", act);
  document.addEventListener("input", find);
  document.addEventListener("keydown", shortcut);
  document.addEventListener("submit", (event) => event.preventDefault());
  prepareDrawer(element("drawer"));
  new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting) || nearPrograms) return;
    nearPrograms = true;
    if (store.realization.data) askRest(store.realization.data.as_of);
  }, { rootMargin: "100px" }).observe(element("programs"));
  setInterval(schedule, AGE_MS);
  await visit();
}

start();
