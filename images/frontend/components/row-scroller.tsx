"use client";

import { type ReactNode, useEffect, useRef, useState } from "react";

import { Icon } from "./icon";
import styles from "./title-row.module.css";

const PAGE_SHARE = 0.85;

/** A sideways list with arrow buttons and roving arrow keys; without scripts it still scrolls. */
export function RowScroller({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  const list = useRef<HTMLUListElement>(null);
  const [ends, setEnds] = useState({ start: true, end: true });

  useEffect(() => {
    const element = list.current;
    if (!element) return;
    const look = () => {
      const rest = element.scrollWidth - element.clientWidth - element.scrollLeft;
      setEnds({ start: element.scrollLeft < 4, end: rest < 4 });
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    element.addEventListener("keydown", moveFocus);
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", look);
      element.removeEventListener("keydown", moveFocus);
    };
  }, []);

  const scroll = (direction: 1 | -1) =>
    list.current?.scrollBy({ left: direction * list.current.clientWidth * PAGE_SHARE, behavior: "smooth" });

  return (
    <div className={styles.scroller}>
      <ul ref={list} className={styles.list}>
        {children}
      </ul>
      {!ends.start && (
        <button type="button" className={styles.arrow} data-side="left" onClick={() => scroll(-1)}>
          <Icon name="left" />
          <span className="visually-hidden">{`${label}: back`}</span>
        </button>
      )}
      {!ends.end && (
        <button type="button" className={styles.arrow} data-side="right" onClick={() => scroll(1)}>
          <Icon name="right" />
          <span className="visually-hidden">{`${label}: more`}</span>
        </button>
      )}
    </div>
  );
}

function moveFocus(this: HTMLUListElement, event: KeyboardEvent): void {
  const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
  if (step === 0) return;
  const links = [...this.querySelectorAll<HTMLAnchorElement>("a[href]")];
  const next = links[links.findIndex((link) => link === document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
