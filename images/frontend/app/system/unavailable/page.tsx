import type { Metadata } from "next";

import { Unavailable } from "@/components/unavailable";
import { currentRequestId } from "@/lib/request";

export const metadata: Metadata = { title: "We will be right back", robots: { index: false } };

/** Shown under the address that was asked for, so that an empty link tries it again. */
export default async function UnavailablePage() {
  return <Unavailable requestId={await currentRequestId()} retryHref="" />;
}
