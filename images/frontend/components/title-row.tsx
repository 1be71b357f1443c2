import Link from "next/link";

import type { TitleCard as Card } from "@/lib/api/models";
import { isNew } from "@/lib/titles";

import { Icon } from "./icon";
import { RowScroller } from "./row-scroller";
import { TitleCard } from "./title-card";
import styles from "./title-row.module.css";

interface Props {
  readonly id: string;
  readonly name: string;
  readonly cards: readonly Card[];
  readonly allHref: string;
  readonly eager?: boolean;
}

/** One shelf of the library: a list that scrolls sideways. */
export function TitleRow({ id, name, cards, allHref, eager = false }: Props) {
  const headingId = `row-${id}`;
  return (
    <section className={styles.row} aria-labelledby={headingId}>
      <header className={styles.head}>
        <h2 id={headingId} className={styles.heading}>
          {name}
        </h2>
        <Link href={allHref} prefetch={false} className={styles.all} aria-label={`See all: ${name}`}>
          See all <Icon name="right" size={16} />
        </Link>
      </header>
      <RowScroller label={name}>
        {cards.map((card, index) => (
          <li key={card.id} className={styles.item}>
            <TitleCard card={card} eager={eager && index < 6} isNew={isNew(card)} />
          </li>
        ))}
      </RowScroller>
    </section>
  );
}

/** Takes the place of a shelf whose titles could not be fetched. */
export function BrokenRow({ name, retryHref }: { readonly name: string; readonly retryHref: string }) {
  return (
    <section className={styles.row}>
      <h2 className={styles.heading}>{name}</h2>
      <p className={styles.broken}>
        This shelf could not be loaded.{" "}
        <a href={retryHref} className={styles.retry}>
          Try again
        </a>
      </p>
    </section>
  );
}
