import "server-only";

import { headers } from "next/headers";

import { requestIdOf } from "./request-id";

/** The id that the proxy gave to the request now rendered. */
export async function currentRequestId(): Promise<string> {
  return requestIdOf(await headers());
}
