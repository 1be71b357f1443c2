import type { ReactNode } from "react";

import { Icon, type IconName } from "./icon";
import styles from "./message-card.module.css";

interface Props {
  readonly icon: IconName;
  readonly title: string;
  readonly children: ReactNode;
  readonly actions?: ReactNode;
  readonly requestId?: string | undefined;
  readonly heading?: "h1" | "h2";
}

/** A calm full-width notice: nothing here, not found, or not reachable. */
export function MessageCard({ icon, title, children, actions, requestId, heading: Heading = "h1" }: Props) {
  return (
    <section className={`wrap ${styles.place}`}>
      <div className={styles.card}>
        <span className={styles.icon}>
          <Icon name={icon} size={28} />
        </span>
        <Heading className={styles.title}>{title}</Heading>
        <div className={styles.text}>{children}</div>
        {actions && <div className={styles.actions}>{actions}</div>}
        {requestId && (
          <p className={styles.id}>
            Request <code>{requestId}</code>
          </p>
        )}
      </div>
    </section>
  );
}
