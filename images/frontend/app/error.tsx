"use client";

import { useEffect } from "react";

import { MessageCard } from "@/components/message-card";

interface Props {
  readonly error: Error & { readonly digest?: string };
  readonly reset: () => void;
}

export default function ErrorPage({ error, reset }: Props) {
  useEffect(() => console.error(error), [error]);
  return (
    <MessageCard
      icon="warning"
      title="Something went wrong"
      requestId={error.digest}
      actions={
        <button type="button" className="button" data-tone="accent" onClick={reset}>
          Try again
        </button>
      }
    >
      <p>This page could not be shown. Trying again usually helps.</p>
    </MessageCard>
  );
}
