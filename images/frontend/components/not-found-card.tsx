import Link from "next/link";

import { browseHref } from "@/lib/queries";

import { MessageCard } from "./message-card";

export function NotFoundCard() {
  return (
    <MessageCard
      icon="search"
      title="Page not found"
      actions={
        <>
          <Link className="button" data-tone="accent" href="/" prefetch={false}>
            Home
          </Link>
          <Link className="button" href={browseHref({})} prefetch={false}>
            Browse the library
          </Link>
        </>
      }
    >
      <p>There is nothing at this address. The link may be old, or a letter may be missing.</p>
    </MessageCard>
  );
}
