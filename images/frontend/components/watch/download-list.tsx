"use client";

import { useState } from "react";

import { Icon } from "@/components/icon";
import type { FileInfo, Quality } from "@/lib/api/models";
import { fileSize } from "@/lib/format";
import { GrantError } from "@/lib/player/grants";
import { qualityName } from "@/lib/quality";

import styles from "./download-list.module.css";
import { useWatch } from "./watch-context";

interface Props {
  /** Of the film, or of all episodes of a season. */
  readonly files: readonly FileInfo[];
}

const REFUSALS: Readonly<Record<GrantError["failure"], string>> = {
  gone: "This title is no longer available.",
  missing: "This file is not here yet.",
  refused: "Downloading is not allowed for you.",
  busy: "Too busy right now. Try again in a moment.",
  network: "No connection. Try again.",
};

/** The qualities with their sizes; each button asks for a signed link and starts the download. */
export function DownloadList({ files }: Props) {
  const { episode, grants } = useWatch();
  const [trouble, setTrouble] = useState<string | null>(null);
  const [busy, setBusy] = useState<Quality | null>(null);
  const shown = files.filter((file) => file.episode === episode);
  if (shown.length === 0) return null;

  const download = async (quality: Quality) => {
    setTrouble(null);
    setBusy(quality);
    try {
      const grant = await grants.get(episode);
      const source = grant.sources.find((entry) => entry.quality === quality);
      if (source) window.location.assign(source.downloadUrl);
      else setTrouble(REFUSALS.missing);
    } catch (error) {
      if (!(error instanceof GrantError)) throw error;
      setTrouble(REFUSALS[error.failure]);
    } finally {
      setBusy(null);
    }
  };

  return (
    <section className={styles.card} aria-labelledby="downloads">
      <h2 id="downloads" className={styles.heading}>
        Download{episode !== null && ` episode ${episode}`}
      </h2>
      <ul className={styles.list}>
        {shown.map((file) => (
          <li key={file.name} className={styles.row}>
            <span className={styles.quality}>{qualityName(file.quality)}</span>
            <span className={styles.size}>{fileSize(file.sizeBytes)}</span>
            <button
              type="button"
              className={styles.button}
              data-testid={`download-${file.quality}`}
              aria-label={`Download ${file.quality}, ${fileSize(file.sizeBytes)}`}
              disabled={busy !== null}
              onClick={() => void download(file.quality)}
            >
              <Icon name="download" size={20} />
            </button>
          </li>
        ))}
      </ul>
      <p role="status" className={styles.trouble}>
        {trouble}
      </p>
    </section>
  );
}
