"use client";

import {
  Controls as ControlsLayer,
  FullscreenButton,
  Gesture,
  MuteButton,
  PIPButton,
  PlayButton,
  SeekButton,
  Time,
  TimeSlider,
  useMediaState,
  VolumeSlider,
} from "@vidstack/react";

import { Icon } from "@/components/icon";

import { CaptionsMenu, QualityMenu, SpeedMenu } from "./menus";
import styles from "./player.module.css";

const STEP_SECONDS = 10;

/** Gestures on the picture and the glass bar at its foot. */
export function Controls({ name }: { readonly name: string }) {
  return (
    <>
      <Gesture className={styles.gesture} event="pointerup" action="toggle:paused" data-fine="" />
      <Gesture className={styles.gesture} event="pointerup" action="toggle:controls" data-coarse="" />
      <Gesture className={styles.gesture} event="dblpointerup" action="toggle:fullscreen" data-fine="" />
      <Gesture className={styles.gesture} event="dblpointerup" action="seek:-10" data-side="left" data-coarse="" />
      <Gesture className={styles.gesture} event="dblpointerup" action="seek:10" data-side="right" data-coarse="" />
      <ControlsLayer.Root className={styles.controls} data-testid="controls">
        <p className={styles.title}>{name}</p>
        <ControlsLayer.Group className={styles.bar}>
          <Seeker />
          <div className={styles.buttons}>
            <PlayPause />
            <SeekButton className={`${styles.button} ${styles.wide}`} seconds={-STEP_SECONDS} aria-label="Back 10 seconds">
              <Icon name="back" />
            </SeekButton>
            <SeekButton className={`${styles.button} ${styles.wide}`} seconds={STEP_SECONDS} aria-label="Forward 10 seconds">
              <Icon name="forward" />
            </SeekButton>
            <Volume />
            <p className={styles.time} data-testid="time">
              <Time type="current" /> <span aria-hidden="true">/</span> <Time type="duration" />
            </p>
            <span className={styles.gap} />
            <CaptionsMenu />
            <QualityMenu />
            <SpeedMenu />
            <PictureInPicture />
            <Fullscreen />
          </div>
        </ControlsLayer.Group>
      </ControlsLayer.Root>
    </>
  );
}

function PlayPause() {
  const paused = useMediaState("paused");
  const ended = useMediaState("ended");
  return (
    <PlayButton className={styles.button} data-testid="play-pause" aria-label={ended ? "Play again" : paused ? "Play" : "Pause"}>
      <Icon name={ended ? "replay" : paused ? "play" : "pause"} size={26} />
    </PlayButton>
  );
}

function Seeker() {
  return (
    <TimeSlider.Root className={styles.seeker} aria-label="Position" data-testid="seek">
      <TimeSlider.Track className={styles.track}>
        <TimeSlider.Progress className={styles.buffered} />
        <TimeSlider.TrackFill className={styles.fill} />
      </TimeSlider.Track>
      <TimeSlider.Thumb className={styles.thumb} />
      <TimeSlider.Preview className={styles.preview}>
        <TimeSlider.Value />
      </TimeSlider.Preview>
    </TimeSlider.Root>
  );
}

function Volume() {
  const silent = useMediaState("muted");
  const volume = useMediaState("volume");
  const muted = silent || volume === 0;
  return (
    <div className={styles.volume}>
      <MuteButton className={styles.button} aria-label={muted ? "Sound on" : "Mute"} data-testid="mute">
        <Icon name={muted ? "muted" : "volume"} />
      </MuteButton>
      <VolumeSlider.Root className={styles.volumeSlider} aria-label="Volume">
        <VolumeSlider.Track className={styles.track}>
          <VolumeSlider.TrackFill className={styles.fill} />
        </VolumeSlider.Track>
        <VolumeSlider.Thumb className={styles.thumb} />
      </VolumeSlider.Root>
    </div>
  );
}

function PictureInPicture() {
  const able = useMediaState("canPictureInPicture");
  const active = useMediaState("pictureInPicture");
  if (!able) return null;
  return (
    <PIPButton className={`${styles.button} ${styles.wide}`} aria-label={active ? "Leave picture in picture" : "Picture in picture"}>
      <Icon name="pip" />
    </PIPButton>
  );
}

function Fullscreen() {
  const active = useMediaState("fullscreen");
  return (
    <FullscreenButton className={styles.button} aria-label={active ? "Leave full screen" : "Full screen"} data-testid="fullscreen">
      <Icon name={active ? "shrink" : "fullscreen"} />
    </FullscreenButton>
  );
}
