import type { Metadata } from "next";

import { Hero } from "@/components/hero";
import { MessageCard } from "@/components/message-card";
import { BrokenRow, TitleRow } from "@/components/title-row";
import { type Answer, fetchTitle, fetchTitles } from "@/lib/api/catalogue";
import type { TitleList, TitlePage } from "@/lib/api/models";
import { browseHref, HOME_ROW, homeQuery, type KindWord } from "@/lib/queries";
import { currentRequestId } from "@/lib/request";
import { Unavailable } from "@/components/unavailable";

export const metadata: Metadata = { alternates: { canonical: "/" } };

interface Shelf {
  readonly id: string;
  readonly name: string;
  readonly kind: KindWord | null;
  readonly list: Answer<TitleList>;
}

export default async function HomePage() {
  const requestId = await currentRequestId();
  const [newest, movies, seasons] = await Promise.all([
    fetchTitles(homeQuery, requestId),
    fetchTitles({ kind: "Movie", limit: HOME_ROW }, requestId),
    fetchTitles({ kind: "Season", limit: HOME_ROW }, requestId),
  ]);
  if (newest.kind !== "ok") return <Unavailable requestId={requestId} retryHref="/" />;
  if (newest.value.items.length === 0) return <ComingSoon />;

  const featured = await featuredTitle(newest.value, requestId);
  const shelves: readonly Shelf[] = [
    { id: "new", name: "New", kind: null, list: newest },
    { id: "movies", name: "Movies", kind: "movie", list: movies },
    { id: "series", name: "Series", kind: "series", list: seasons },
  ];
  return (
    <>
      {featured ? <Hero title={featured} /> : <h1 className="visually-hidden">Library</h1>}
      <div className="wrap">
        {shelves.map((shelf) => (
          <ShelfRow key={shelf.id} shelf={shelf} />
        ))}
      </div>
    </>
  );
}

function ShelfRow({ shelf: { id, name, kind, list } }: { readonly shelf: Shelf }) {
  if (list.kind !== "ok") return <BrokenRow name={name} retryHref="/" />;
  if (list.value.items.length === 0) return null;
  return <TitleRow id={id} name={name} cards={list.value.items} allHref={browseHref({ kind })} />;
}

async function featuredTitle(list: TitleList, requestId: string): Promise<TitlePage | null> {
  const first = list.items.find((item) => item.posters.length > 0) ?? list.items[0];
  if (!first) return null;
  const answer = await fetchTitle(first.id, requestId);
  return answer.kind === "ok" ? answer.value : null;
}

function ComingSoon() {
  return (
    <MessageCard icon="movie" title="Coming soon">
      <p>The library is being filled. The first titles will appear here by themselves.</p>
    </MessageCard>
  );
}
