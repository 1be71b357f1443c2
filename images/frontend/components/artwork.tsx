/** A stored picture in the best format and width that the browser takes, over its dominant colour. */

import type { CSSProperties } from "react";

import type { Picture } from "@/lib/api/models";
import { safeTone } from "@/lib/tone";

const FORMATS = ["avif", "webp", "jpeg"] as const;

interface Props {
  readonly pictures: readonly Picture[];
  /** The `sizes` attribute: how wide the picture is shown. */
  readonly sizes: string;
  readonly color: string;
  readonly alt?: string;
  readonly className?: string | undefined;
  readonly eager?: boolean;
}

export function Artwork({ pictures, sizes, color, alt = "", className, eager = false }: Props) {
  const sets = FORMATS.map((format) => ({ format, of: byWidth(pictures, format) })).filter(({ of }) => of.length > 0);
  const last = sets.at(-1);
  const fallback = last?.of[Math.floor((last.of.length - 1) / 2)];
  const style = { "--tone": safeTone(color) } as CSSProperties;
  return (
    <span className={className} style={style} data-artwork="">
      {last && fallback && (
        <picture>
          {sets.map(({ format, of }) => (
            <source key={format} type={`image/${format}`} sizes={sizes} srcSet={srcSet(of)} />
          ))}
          <img
            src={fallback.url}
            alt={alt}
            width={fallback.width}
            height={fallback.height}
            loading={eager ? "eager" : "lazy"}
            decoding="async"
            fetchPriority={eager ? "high" : "auto"}
          />
        </picture>
      )}
    </span>
  );
}

function byWidth(pictures: readonly Picture[], format: Picture["format"]): readonly Picture[] {
  return pictures.filter((picture) => picture.format === format).sort((a, b) => a.width - b.width);
}

function srcSet(pictures: readonly Picture[]): string {
  return pictures.map((picture) => `${picture.url} ${picture.width}w`).join(", ");
}
