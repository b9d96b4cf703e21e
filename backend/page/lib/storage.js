// Small choices that outlive a visit (`localStorage`) or a tab (`sessionStorage`), where the browser lets us.

function safely(run, otherwise = null) {
  try {
    return run();
  } catch {
    return otherwise; // Storage is forbidden or full: the choice lasts as long as the page.
  }
}

const place = (session) => (session ? sessionStorage : localStorage);

export function recall(name, { session = false } = {}) {
  return safely(() => place(session).getItem(`twinspace.${name}`));
}

export function remember(name, value, { session = false } = {}) {
  safely(() => (value === null ? place(session).removeItem(`twinspace.${name}`) : place(session).setItem(`twinspace.${name}`, value)));
}
