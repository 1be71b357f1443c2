import type { Quality } from "@/lib/api/models";
import { qualityName } from "@/lib/quality";

import styles from "./chips.module.css";

/** The qualities of a title, best first. */
export function QualityChips({ qualities }: { readonly qualities: readonly Quality[] }) {
  if (qualities.length === 0) return null;
  return (
    <ul className={styles.chips} aria-label="Available in">
      {qualities.map((quality) => (
        <li key={quality} className={styles.chip} data-quality={quality}>
          {qualityName(quality)}
        </li>
      ))}
    </ul>
  );
}
