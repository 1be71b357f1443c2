/**
 * Runs before every page: sets the content security policy and, since a page cannot choose its own status, asks the
 * catalogue first and answers 410, 451 or 503 with the page made for it.
 */

import { type NextRequest, NextResponse } from "next/server";

import { type Answer, fetchTitle, fetchTitles } from "@/lib/api/catalogue";
import { contentSecurityPolicy } from "@/lib/csp";
import { observePage } from "@/lib/metrics";
import { homeQuery, readBrowseQuery } from "@/lib/queries";
import { REQUEST_ID_HEADER, requestIdOf } from "@/lib/request-id";
import { readSettings } from "@/lib/settings";

const GONE = "/system/gone";
const OUTCOMES = {
  missing: { page: "/system/missing", status: 404 },
  unavailable: { page: "/system/unavailable", status: 503 },
} as const;
type NextURL = NextRequest["nextUrl"];
const RETRY_AFTER_SECONDS = "5";

export async function proxy(request: NextRequest): Promise<NextResponse> {
  const requestId = requestIdOf(request.headers);
  const nonce = crypto.randomUUID().replaceAll("-", "");
  const policy = contentSecurityPolicy(nonce, process.env.NODE_ENV === "development");

  const headers = new Headers(request.headers);
  headers.set("content-security-policy", policy);
  headers.set("x-nonce", nonce);
  headers.set(REQUEST_ID_HEADER, requestId);

  const answer = await precheck(request.nextUrl, requestId);
  observePage(answer.kind);
  if (answer.kind === "unavailable") headers.set(REQUEST_ID_HEADER, answer.requestId);
  const response = respond(answer, request.nextUrl, headers);
  response.headers.set("content-security-policy", policy);
  response.headers.set(REQUEST_ID_HEADER, headers.get(REQUEST_ID_HEADER) ?? requestId);
  response.headers.set("x-content-type-options", "nosniff");
  response.headers.set("referrer-policy", "strict-origin-when-cross-origin");
  response.headers.set("permissions-policy", "camera=(), microphone=(), geolocation=()");
  response.headers.set("cross-origin-opener-policy", "same-origin");
  if (answer.kind !== "ok" || readSettings().noindex) response.headers.set("x-robots-tag", "noindex");
  return response;
}

function respond(answer: Answer<unknown>, url: NextURL, headers: Headers): NextResponse {
  if (answer.kind === "ok") return NextResponse.next({ request: { headers } });
  const { page, status } = answer.kind === "gone" ? { page: GONE, status: answer.status } : OUTCOMES[answer.kind];
  // The same address with another path: any other form is fetched over the network, from this server again.
  const target = url.clone();
  target.pathname = page;
  const response = NextResponse.rewrite(target, { request: { headers }, status });
  response.headers.set("cache-control", "no-store");
  if (answer.kind === "gone" && answer.link !== null) response.headers.set("link", answer.link);
  if (status === 503) response.headers.set("retry-after", RETRY_AFTER_SECONDS);
  return response;
}

/** Whether the page can be shown; the page asks the same thing again and gets the shared answer. */
async function precheck(url: URL, requestId: string): Promise<Answer<unknown>> {
  const [first, second, ...rest] = url.pathname.split("/").filter(Boolean);
  if (first === undefined) return fetchTitles(homeQuery, requestId);
  if (first === "browse" && second === undefined) return fetchTitles(readBrowseQuery(url.searchParams).list, requestId);
  if (first === "t" && second !== undefined && rest.length === 0) return fetchTitle(decodeSegment(second), requestId);
  return { kind: "missing" };
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export const config = {
  matcher: ["/((?!_next/static|healthz$|readyz$|metrics$|robots.txt$|brand-icon$|manifest.webmanifest$).*)"],
};
