"use client";

import { Menu, type MenuInstance, useCaptionOptions, useMediaRemote, useMediaState } from "@vidstack/react";
import { type ReactNode, useRef } from "react";

import { Icon, type IconName } from "@/components/icon";
import { fileSize } from "@/lib/format";
import { canPlay } from "@/lib/player/browser";
import { playsHere } from "@/lib/player/sources";

import styles from "./player.module.css";
import { usePlayback, useWatch } from "./watch-context";

const RATES = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];

interface Option {
  readonly value: string;
  readonly label: string;
  readonly note?: string;
  readonly disabled?: boolean;
}

interface Props {
  readonly name: string;
  readonly icon: IconName;
  readonly testId: string;
  readonly value: string;
  readonly options: readonly Option[];
  readonly onChoose: (value: string) => void;
  readonly className?: string | undefined;
  readonly badge?: ReactNode;
  /** What the button shows of the present choice, told to those who do not see it. */
  readonly now?: string | undefined;
}

/** A button of the bar with a sheet of choices above it. */
function ChoiceMenu({ name, icon, testId, value, options, onChoose, className = "", badge, now }: Props) {
  const menu = useRef<MenuInstance>(null);
  const choose = (chosen: string) => {
    onChoose(chosen);
    menu.current?.close();
  };
  return (
    <Menu.Root ref={menu}>
      <Menu.Button className={`${styles.button} ${className}`} aria-label={now ? `${name}: ${now}` : name} data-testid={testId}>
        <Icon name={icon} />
        {badge}
      </Menu.Button>
      {/* Outside of the picture, which would cut it off on a phone; in full screen only the picture is there. */}
      <Menu.Portal container="#content" disabled="fullscreen">
        <Menu.Items className={styles.sheet} placement="top end" offset={44} data-testid={`${testId}-menu`} aria-label={name}>
          <p className={styles.sheetName} aria-hidden="true">
            {name}
          </p>
          <Menu.RadioGroup className={styles.options} value={value} onChange={choose}>
            {options.map((option) => (
              <Menu.Radio
                key={option.value}
                className={styles.option}
                value={option.value}
                data-testid={`${testId}-${option.value}`}
                aria-disabled={option.disabled || undefined}
              >
                <span className={styles.tick}>{option.value === value && <Icon name="check" size={18} />}</span>
                <span>{option.label}</span>
                {option.note && <span className={styles.note}>{option.note}</span>}
              </Menu.Radio>
            ))}
          </Menu.RadioGroup>
        </Menu.Items>
      </Menu.Portal>
    </Menu.Root>
  );
}

export function QualityMenu() {
  const { playback } = useWatch();
  const { grant, quality } = usePlayback();
  const sources = grant?.sources ?? [];
  if (sources.length === 0 || quality === null) return null;
  const options = sources.map((source) => {
    const able = playsHere(source, canPlay);
    return {
      value: source.quality,
      label: source.quality,
      note: able ? fileSize(source.sizeBytes) : "not supported here",
      disabled: !able,
    };
  });
  const choose = (value: string) => {
    const source = sources.find((entry) => entry.quality === value);
    if (source && playsHere(source, canPlay)) playback.chooseQuality(source.quality);
  };
  const badge = quality === "2160p" ? "4K" : quality.replace("p", "");
  return (
    <ChoiceMenu
      name="Quality"
      now={badge}
      icon="quality"
      testId="quality"
      value={quality}
      options={options}
      onChoose={choose}
      badge={<span className={styles.badge}>{badge}</span>}
    />
  );
}

export function CaptionsMenu() {
  const captions = useCaptionOptions({ off: "Off" });
  if (captions.length < 2) return null;
  const options = captions.map(({ track, label }) => ({ value: track?.language ?? "off", label }));
  const selected = captions.selectedTrack?.language ?? "off";
  const choose = (value: string) => {
    const wanted = captions.find(({ track }) => (track?.language ?? "off") === value);
    if (wanted && value !== selected) wanted.select();
  };
  return (
    <ChoiceMenu
      name="Subtitles"
      icon="captions"
      testId="captions"
      value={selected}
      options={options}
      onChoose={choose}
      badge={selected === "off" ? null : <span className={styles.underline} />}
    />
  );
}

export function SpeedMenu() {
  const remote = useMediaRemote();
  const rate = useMediaState("playbackRate");
  const options = RATES.map((value) => ({ value: String(value), label: value === 1 ? "Normal" : `${value}×` }));
  return (
    <ChoiceMenu
      name="Speed"
      icon="speed"
      testId="speed"
      className={styles.wide}
      value={String(rate)}
      options={options}
      onChoose={(value) => remote.changePlaybackRate(Number(value))}
    />
  );
}
