import { MessageCard } from "./message-card";

/** The library does not answer; says how to find the cause and offers another try. */
export function Unavailable({ requestId, retryHref }: { readonly requestId?: string | undefined; readonly retryHref: string }) {
  return (
    <MessageCard
      icon="warning"
      title="We will be right back"
      requestId={requestId}
      actions={
        <a className="button" data-tone="accent" href={retryHref}>
          Try again
        </a>
      }
    >
      <p>The library is not answering at the moment. Nothing is lost: try again in a few seconds.</p>
    </MessageCard>
  );
}
