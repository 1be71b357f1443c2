/** One id per request through all parts: taken from the edge when it sent one, else made here. */

export const REQUEST_ID_HEADER = "x-request-id";
const FORM = /^[A-Za-z0-9._-]{1,64}$/;

export function requestIdOf(headers: Headers): string {
  const given = headers.get(REQUEST_ID_HEADER);
  return given !== null && FORM.test(given) ? given : crypto.randomUUID().replaceAll("-", "");
}
