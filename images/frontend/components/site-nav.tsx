"use client";

import Link from "next/link";
import { usePathname, useSearchParams } from "next/navigation";

import { browseHref, readBrowseQuery } from "@/lib/queries";

import { Icon, type IconName } from "./icon";
import { Logo } from "./logo";
import styles from "./site-nav.module.css";

type Place = "home" | "movie" | "series" | "search" | "library" | null;

const PLACES: readonly { readonly place: Place; readonly name: string; readonly href: string; readonly icon: IconName; readonly bar: boolean }[] = [
  { place: "home", name: "Home", href: "/", icon: "home", bar: true },
  { place: "movie", name: "Movies", href: browseHref({ kind: "movie" }), icon: "movie", bar: true },
  { place: "series", name: "Series", href: browseHref({ kind: "series" }), icon: "series", bar: true },
  { place: "library", name: "Library", href: browseHref({}), icon: "search", bar: true },
];

/** Top bar with search, and the tab bar that takes its links on a phone. */
export function SiteNav({ siteName }: { readonly siteName: string }) {
  const place = usePlace();
  const query = useSearchParams().get("q") ?? "";
  return (
    <>
      <header className={styles.bar}>
        <div className={`wrap ${styles.inner}`}>
          <Link href="/" prefetch={false} className={styles.logo} aria-label={`${siteName}, home`}>
            <Logo /> <span>{siteName}</span>
          </Link>
          <nav className={styles.links} aria-label="Main">
            <ul>
              {PLACES.slice(1).map((entry) => (
                <li key={entry.href}>
                  <Link href={entry.href} prefetch={false} aria-current={entry.place === place ? "page" : undefined}>
                    {entry.name}
                  </Link>
                </li>
              ))}
            </ul>
          </nav>
          <form className={styles.search} action="/browse" role="search">
            <label htmlFor="site-search" className="visually-hidden">
              Search the library
            </label>
            <Icon name="search" size={18} />
            <input
              id="site-search"
              key={query}
              name="q"
              type="search"
              placeholder="Search"
              defaultValue={query}
              maxLength={100}
              autoComplete="off"
              enterKeyHint="search"
            />
          </form>
        </div>
      </header>
      <nav className={styles.tabs} aria-label="Sections">
        <ul>
          {PLACES.map((entry) => (
            <li key={entry.href}>
              <Link href={entry.href} prefetch={false} aria-current={entry.place === place ? "page" : undefined}>
                <Icon name={entry.icon} size={22} />
                {entry.name}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
    </>
  );
}

function usePlace(): Place {
  const path = usePathname();
  const search = useSearchParams();
  if (path === "/") return "home";
  if (path !== "/browse") return null;
  const query = readBrowseQuery(new URLSearchParams(search.toString()));
  return query.kind ?? "library";
}
