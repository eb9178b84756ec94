/** The live stream of a plan's figures: connects, notices when the connection is lost, and reconnects. */

import { get } from "./api.js";

const QUIET_MS = 30_000; // after so long without an event, check the connection: browsers do not show heartbeats to a page
const RETRY_MS = [1_000, 2_000, 5_000, 10_000];

/**
 * Listen to `streamUrl`. `on.snapshot(data)`, `on.change(data)`, `on.connection(state)` with state `connecting`, `live`
 * or `lost`; `on.alive()` whenever the server sent or answered something. `askUrl` is a small resource to request when the
 * stream is quiet. Returns the function that ends the stream.
 */
export function listen(streamUrl, askUrl, on) {
  let source = null;
  let timer = null;
  let failures = 0;

  function connect() {
    source?.close();
    source = new EventSource(streamUrl);
    source.addEventListener("open", alive);
    source.addEventListener("snapshot", (event) => {
      alive();
      on.snapshot(JSON.parse(event.data));
    });
    source.addEventListener("change", (event) => {
      alive();
      on.change(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      on.connection("lost");
      // the browser reconnects after a break by itself, but not after a refusal or when it gave up
      if (source.readyState === EventSource.CLOSED) retry();
    });
  }

  function alive() {
    failures = 0;
    on.connection("live");
    on.alive();
    wait(QUIET_MS, check);
  }

  async function check() {
    try {
      await get(askUrl);
      if (source.readyState === EventSource.OPEN) alive();
      else retry();
    } catch {
      on.connection("lost");
      retry();
    }
  }

  function retry() {
    wait(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)], connect);
  }

  function wait(ms, what) {
    clearTimeout(timer);
    timer = setTimeout(what, ms);
  }

  function online() {
    if (source.readyState !== EventSource.OPEN) connect();
  }

  function offline() {
    on.connection("lost");
  }

  addEventListener("online", online);
  addEventListener("offline", offline);
  on.connection("connecting");
  connect();

  return function stop() {
    removeEventListener("online", online);
    removeEventListener("offline", offline);
    clearTimeout(timer);
    source.close();
  };
}
