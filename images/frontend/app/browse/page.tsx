import type { Metadata } from "next";
import Link from "next/link";

import { MessageCard } from "@/components/message-card";
import { TitleCard } from "@/components/title-card";
import { Unavailable } from "@/components/unavailable";
import { fetchTitles } from "@/lib/api/catalogue";
import { type BrowseQuery, browseHref, readBrowseQuery } from "@/lib/queries";
import { currentRequestId } from "@/lib/request";
import { isNew } from "@/lib/titles";

import styles from "./browse.module.css";

interface Props {
  readonly searchParams: Promise<Record<string, string | string[] | undefined>>;
}

const NAMES = { movie: "Movies", series: "Series" } as const;
const FILTERS = [
  { kind: null, name: "All" },
  { kind: "movie", name: "Movies" },
  { kind: "series", name: "Series" },
] as const;

export async function generateMetadata({ searchParams }: Props): Promise<Metadata> {
  const query = await readQuery(searchParams);
  return {
    title: heading(query),
    alternates: { canonical: browseHref({ kind: query.kind }) },
    ...((query.q || query.cursor) && { robots: { index: false, follow: true } }),
  };
}

export default async function BrowsePage({ searchParams }: Props) {
  const query = await readQuery(searchParams);
  const requestId = await currentRequestId();
  const answer = await fetchTitles(query.list, requestId);
  if (answer.kind !== "ok") return <Unavailable requestId={requestId} retryHref={browseHref(query)} />;
  const { items, total, nextCursor } = answer.value;
  return (
    <div className={`wrap ${styles.page}`}>
      <header className={styles.head}>
        <h1 className={styles.heading}>{heading(query)}</h1>
        <p className={styles.count} role="status">
          {total === 1 ? "1 title" : `${total} titles`}
        </p>
      </header>
      <Filters query={query} />
      {items.length === 0 ? (
        <Nothing query={query} />
      ) : (
        <ul className={styles.grid}>
          {items.map((card, index) => (
            <li key={card.id}>
              <TitleCard card={card} heading="h2" eager={index < 6} isNew={isNew(card)} />
            </li>
          ))}
        </ul>
      )}
      {nextCursor !== null && (
        <p className={styles.more}>
          <Link href={browseHref({ ...query, cursor: nextCursor })} prefetch={false} className="button" rel="next">
            More titles
          </Link>
        </p>
      )}
    </div>
  );
}

function Filters({ query }: { readonly query: BrowseQuery }) {
  return (
    <nav className={styles.filters} aria-label="Filter by kind">
      <ul>
        {FILTERS.map(({ kind, name }) => (
          <li key={name}>
            <Link
              href={browseHref({ kind, q: query.q })}
              prefetch={false}
              className={styles.filter}
              aria-current={query.kind === kind ? "true" : undefined}
            >
              {name}
            </Link>
          </li>
        ))}
      </ul>
      {query.q && (
        <Link href={browseHref({ kind: query.kind })} prefetch={false} className={styles.filter} data-clear="">
          Clear search
        </Link>
      )}
    </nav>
  );
}

function Nothing({ query }: { readonly query: BrowseQuery }) {
  return (
    <MessageCard
      icon="search"
      heading="h2"
      title={query.q ? "Nothing found" : "Nothing here yet"}
      actions={
        <Link className="button" href={browseHref({})} prefetch={false}>
          Whole library
        </Link>
      }
    >
      <p>{query.q ? `No title matches “${query.q}”. Check the spelling or try a shorter word.` : "Titles will appear here by themselves."}</p>
    </MessageCard>
  );
}

function heading(query: BrowseQuery): string {
  if (query.q) return `Results for “${query.q}”`;
  return query.kind === null ? "Library" : NAMES[query.kind];
}

async function readQuery(searchParams: Props["searchParams"]): Promise<BrowseQuery> {
  const given = await searchParams;
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) search.set(name, first);
  }
  return readBrowseQuery(search);
}
