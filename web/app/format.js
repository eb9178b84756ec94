/** Numbers and dates as they are written in a language. Decimal strings are only respelled, never calculated with. */

const ZONES = { "Asia/Jakarta": "WIB", "Asia/Pontianak": "WIB", "Asia/Makassar": "WITA", "Asia/Jayapura": "WIT" };
const NARROW = "\u00a0"; // keeps a number and its unit on one line
const AGES = [[60, "second"], [60, "minute"], [24, "hour"], [30, "day"], [12, "month"], [Infinity, "year"]];

/** Formats for one language's words. */
export function createFormat(words) {
  const relative = new Intl.RelativeTimeFormat(words.locale, { numeric: "always" });

  /** An exact decimal string or an integer, or a ratio of such (`7654/360`). */
  function number(value) {
    return String(value).split("/").map(spelled).join("/");
  }

  function spelled(text) {
    const [whole, fraction] = text.split(".");
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, words.thousandsMark);
    return fraction === undefined ? grouped : grouped + words.decimalMark + fraction;
  }

  /** A decimal string of percent. */
  function percent(text) {
    return `${number(text)}${NARROW}%`;
  }

  function money(text) {
    return `Rp${number(text)}`;
  }

  function date(iso, options) {
    const at = new Date(`${iso}T00:00:00Z`);
    if (Number.isNaN(at.getTime())) return iso; // an address may hold any text
    return new Intl.DateTimeFormat(words.locale, { timeZone: "UTC", ...options }).format(at);
  }

  /** `2021-12-31` in full. */
  function day(iso) {
    return date(iso, { day: "numeric", month: "long", year: "numeric" });
  }

  function shortDay(iso) {
    return date(iso, { day: "numeric", month: "short", year: "numeric" });
  }

  /** A month (`2021-11`) or a quarter (`2021-Q3`). */
  function period(text) {
    const [year, part] = text.split("-");
    if (part.startsWith("Q")) return words.quarter(part[1], year);
    return date(`${text}-01`, { month: "long", year: "numeric" });
  }

  /** The time of day in a time zone, with the zone's usual abbreviation. */
  function clock(at, timeZone) {
    const parts = new Intl.DateTimeFormat(words.locale, {
      timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short",
    }).formatToParts(new Date(at));
    const part = (type) => parts.find((one) => one.type === type).value;
    return words.clock(part("hour"), part("minute"), ZONES[timeZone] ?? part("timeZoneName"));
  }

  /** A moment: the time alone when it was on the same day as `now`, else date and time. */
  function moment(at, timeZone, now) {
    const on = dayIn(at, timeZone);
    return on === dayIn(now, timeZone) ? clock(at, timeZone) : `${day(on)}, ${clock(at, timeZone)}`;
  }

  function shortMoment(at, timeZone) {
    return `${shortDay(dayIn(at, timeZone))}, ${clock(at, timeZone)}`;
  }

  /** How long ago a moment was. */
  function ago(at, now) {
    let amount = Math.max(0, Math.round((now - new Date(at)) / 1000));
    for (const [size, unit] of AGES) {
      if (amount < size) return relative.format(-amount, unit);
      amount = Math.floor(amount / size);
    }
    return "";
  }

  return { number, percent, money, day, shortDay, period, clock, moment, shortMoment, ago };
}

/** The date (`2021-12-31`) that a moment has in a time zone. */
function dayIn(at, timeZone) {
  return new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short" }).format(new Date(at));
}
