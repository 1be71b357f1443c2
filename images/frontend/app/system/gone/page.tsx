import type { Metadata } from "next";
import Link from "next/link";

import { MessageCard } from "@/components/message-card";
import { browseHref } from "@/lib/queries";

export const metadata: Metadata = { title: "No longer available", robots: { index: false } };

/** Says nothing about the title itself. */
export default function GonePage() {
  return (
    <MessageCard
      icon="gone"
      title="No longer available"
      actions={
        <Link className="button" href={browseHref({})} prefetch={false}>
          Browse the library
        </Link>
      }
    >
      <p>This title has been taken down and cannot be watched or downloaded any more.</p>
    </MessageCard>
  );
}
