import Link from "next/link";

import type { TitleCard as Card } from "@/lib/api/models";
import { cardFacts, cardName } from "@/lib/titles";

import { Artwork } from "./artwork";
import styles from "./title-card.module.css";

const SIZES = "(max-width: 719px) 38vw, 196px";

interface Props {
  readonly card: Card;
  readonly eager?: boolean;
  readonly isNew?: boolean;
  readonly heading?: "h2" | "h3";
}

/** A poster with its name as real text; the whole card is one link. */
export function TitleCard({ card, eager = false, isNew = false, heading: Heading = "h3" }: Props) {
  const badges = [...(card.qualities.includes("2160p") ? ["4K"] : []), ...(isNew ? ["New"] : [])];
  return (
    <article className={styles.card}>
      <Link href={`/t/${card.id}`} prefetch={false} className={styles.link}>
        <span className={styles.frame}>
          <Artwork className={styles.poster} pictures={card.posters} sizes={SIZES} color={card.color} eager={eager} />
          {card.posters.length === 0 && (
            <span className={styles.initial} aria-hidden="true">
              {cardName(card).slice(0, 1)}
            </span>
          )}
          {badges.length > 0 && (
            <span className={styles.badges}>
              {badges.map((badge) => (
                <span key={badge} className={styles.badge} data-badge={badge}>
                  {badge}
                </span>
              ))}
            </span>
          )}
        </span>
        <Heading className={styles.name}>{cardName(card)}</Heading>
        <span className={styles.facts}>{cardFacts(card)}</span>
      </Link>
    </article>
  );
}
