// Asking again and again: never twice at the same time, never for a key, and not where asking is of no use.

import { Problem, isAbort } from "./api.js";

const AWAY_MS = 3000;

/** `look(quiet)` answers after how many milliseconds to look again, 0 for not at all; `quiet` is true for
 * every look that nobody asked for. */
export function poll(look) {
  let timer = 0;
  let turn = 0;
  const poller = {
    running: false,
    async now(quiet = false) {
      poller.stop();
      poller.running = true;
      const mine = turn;
      const ms = await look(quiet).catch(pauseAfter);
      if (mine !== turn) return;
      poller.running = ms > 0;
      if (ms) timer = setTimeout(poller.now, ms, true);
    },
    stop() {
      turn += 1;
      clearTimeout(timer);
      poller.running = false;
    },
  };
  return poller;
}

/** A server that is away comes back; one that refuses goes on refusing. */
function pauseAfter(problem) {
  if (isAbort(problem)) return 0;
  if (!(problem instanceof Problem)) throw problem;
  return problem.status >= 400 && problem.status < 500 ? 0 : AWAY_MS;
}
