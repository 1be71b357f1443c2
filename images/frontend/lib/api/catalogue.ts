/** The only module that talks to the manager, from the server side. */

import "server-only";

import { managerUrl } from "@/lib/settings";
import { observeApiCall } from "@/lib/metrics";
import { DecodeError, type Decoder } from "./decode";
import { isTakedown, type TakedownStatus } from "@/lib/takedown";
import { problem, titleList, titlePage, type TitleKind, type TitleList, type TitlePage } from "./models";

export type Answer<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "missing" }
  | { readonly kind: "gone"; readonly status: TakedownStatus; readonly link: string | null }
  | { readonly kind: "unavailable"; readonly requestId: string };

const TIMEOUT_MS = 5_000;
/** Proxy and page ask for the same thing within one request; a takedown may show this much later. */
const SHARED_FOR_MS = 500;
const SHARED_MAX = 200;

type Shared = Map<string, { readonly until: number; readonly answer: Promise<Answer<unknown>> }>;
const scope = globalThis as typeof globalThis & { streamvaultShared?: Shared };
const shared: Shared = (scope.streamvaultShared ??= new Map());

export interface ListQuery {
  readonly kind?: TitleKind | undefined;
  readonly q?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** A page of the catalogue, newest first. */
export function fetchTitles(query: ListQuery, requestId: string): Promise<Answer<TitleList>> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) search.set(name, String(value));
  return ask(`/api/titles?${search.toString()}`, titleList, requestId);
}

/** Everything that the page of one title shows. */
export function fetchTitle(id: string, requestId: string): Promise<Answer<TitlePage>> {
  return ask(`/api/titles/${encodeURIComponent(id)}`, titlePage, requestId);
}

function ask<T>(path: string, decode: Decoder<T>, requestId: string): Promise<Answer<T>> {
  const now = Date.now();
  const known = shared.get(path);
  if (known && known.until > now) return known.answer as Promise<Answer<T>>;
  const answer = fetchAnswer(path, decode, requestId);
  for (const [key, entry] of shared) {
    if (entry.until <= now || shared.size >= SHARED_MAX) shared.delete(key);
  }
  shared.set(path, { until: now + SHARED_FOR_MS, answer });
  return answer;
}

async function fetchAnswer<T>(path: string, decode: Decoder<T>, requestId: string): Promise<Answer<T>> {
  const started = performance.now();
  let status = 0;
  try {
    const response = await fetch(managerUrl() + path, {
      headers: { accept: "application/json", "x-request-id": requestId },
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    status = response.status;
    return await readAnswer(response, decode, path, requestId);
  } catch (error) {
    const cause = error instanceof DecodeError ? error.message : String(error);
    console.error(JSON.stringify({ level: "error", event: "api_failed", path, requestId, cause }));
    return { kind: "unavailable", requestId };
  } finally {
    observeApiCall(status, (performance.now() - started) / 1000);
  }
}

async function readAnswer<T>(response: Response, decode: Decoder<T>, path: string, requestId: string): Promise<Answer<T>> {
  if (response.ok) return { kind: "ok", value: decode(await response.json(), "") };
  // The status is the manager's choice, and with 451 so is the link to who asked for it: the page says the same.
  if (isTakedown(response.status)) return { kind: "gone", status: response.status, link: response.headers.get("link") };
  if (response.status === 404 || response.status === 422) return { kind: "missing" };
  const told = await response.json().then((body) => problem(body, ""), () => null);
  console.error(JSON.stringify({ level: "error", event: "api_refused", path, requestId, status: response.status }));
  return { kind: "unavailable", requestId: told?.requestId ?? requestId };
}
