import Link from "next/link";

import { browseHref } from "@/lib/queries";

import styles from "./site-footer.module.css";

export function SiteFooter({ siteName }: { readonly siteName: string }) {
  return (
    <footer className={styles.footer}>
      <div className={`wrap ${styles.inner}`}>
        <p>{siteName}</p>
        <nav aria-label="Footer">
          <ul>
            <li>
              <Link href={browseHref({ kind: "movie" })} prefetch={false}>
                Movies
              </Link>
            </li>
            <li>
              <Link href={browseHref({ kind: "series" })} prefetch={false}>
                Series
              </Link>
            </li>
            <li>
              <Link href={browseHref({})} prefetch={false}>
                Whole library
              </Link>
            </li>
          </ul>
        </nav>
      </div>
    </footer>
  );
}
