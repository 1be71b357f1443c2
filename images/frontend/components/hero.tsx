import Link from "next/link";
import type { CSSProperties } from "react";

import type { TitlePage } from "@/lib/api/models";
import { runtime } from "@/lib/format";
import { safeTone } from "@/lib/tone";
import { cardFacts, cardName } from "@/lib/titles";

import { Artwork } from "./artwork";
import styles from "./hero.module.css";
import { Icon } from "./icon";
import { QualityChips } from "./quality-chips";

/** The first title of the library, large. Without a backdrop its poster gives the light. */
export function Hero({ title }: { readonly title: TitlePage }) {
  const backdrops = title.images.filter((image) => image.role === "backdrop");
  const tone = { "--tone": safeTone(title.color) } as CSSProperties;
  return (
    <section className={styles.hero} style={tone} aria-labelledby="hero-title">
      {backdrops.length > 0 ? (
        <Artwork className={styles.backdrop} pictures={backdrops} sizes="100vw" color={title.color} eager />
      ) : (
        <Artwork className={styles.ambience} pictures={title.posters} sizes="200px" color={title.color} />
      )}
      <div className={`wrap ${styles.inner}`}>
        <div className={styles.words}>
          <p className={styles.kicker}>New in the library</p>
          <h1 id="hero-title" className={styles.name}>
            {cardName(title)}
          </h1>
          <div className={styles.facts}>
            <span>{cardFacts(title)}</span>
            {title.runtimeSeconds !== null && <span>{runtime(title.runtimeSeconds)}</span>}
            <QualityChips qualities={title.qualities} />
          </div>
          {(title.plot || title.tagline) && <p className={styles.plot}>{title.plot || title.tagline}</p>}
          <p className={styles.actions}>
            <Link href={`/t/${title.id}?play=1`} prefetch={false} className="button" data-tone="accent">
              <Icon name="play" size={20} /> Play
              <span className="visually-hidden"> {cardName(title)}</span>
            </Link>
            <Link href={`/t/${title.id}`} prefetch={false} className="button">
              Details
              <span className="visually-hidden"> of {cardName(title)}</span>
            </Link>
          </p>
        </div>
        {title.posters.length > 0 && (
          <Link href={`/t/${title.id}`} prefetch={false} className={styles.posterLink} tabIndex={-1} aria-hidden="true">
            <Artwork
              className={styles.poster}
              pictures={title.posters}
              sizes="(max-width: 719px) 1px, 320px"
              color={title.color}
              eager
            />
          </Link>
        )}
      </div>
    </section>
  );
}
