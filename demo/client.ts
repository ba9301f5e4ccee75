/** The few FHIR requests the demo makes. @throws Error with the answer, where it is not a success */
export async function send(method: 'GET' | 'POST' | 'PUT', url: string, body?: object): Promise<Record<string, unknown>> {
  const headers = body === undefined ? {} : { 'content-type': 'application/fhir+json' };
  const answer = await fetch(url, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text.slice(0, 400)}`);
  return JSON.parse(text) as Record<string, unknown>;
}

/** Much longer than anything takes: it only bounds a failure. */
const PATIENCE_SECONDS = 60;

/** Asks again until the answer is as wished. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_SECONDS * 1_000;
  while (!(await holds())) {
    if (performance.now() > deadline) {
      console.error(`waited ${PATIENCE_SECONDS} s in vain for ${what}`);
      return false;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}
